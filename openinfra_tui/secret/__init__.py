"""Secrets of a site: how they are made, who can open them, and the encrypted files that hold them."""
