"""Talking to an API server: the only package that speaks HTTP."""
