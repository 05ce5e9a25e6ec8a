"""The terminal: screens over the same functions that the command line calls."""
