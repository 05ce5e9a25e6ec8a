"""The objects that an engine would apply, built from a repository the way the engine builds them."""
