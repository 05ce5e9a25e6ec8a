"""Whole jobs that every face calls."""
