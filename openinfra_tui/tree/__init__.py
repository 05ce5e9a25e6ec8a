"""A rendered repository in memory."""
