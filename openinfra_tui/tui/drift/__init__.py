"""The live drift view."""
