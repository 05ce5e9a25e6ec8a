"""A generated site under a real engine: its repository, its cluster, and what became of each component."""
