"""The wizard: from the first question to a committed repository."""
