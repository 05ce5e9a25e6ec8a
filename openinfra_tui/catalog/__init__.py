"""What exists, and the rules between answers."""
