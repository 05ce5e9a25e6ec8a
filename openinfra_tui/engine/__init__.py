"""GitOps engines, each a dialect."""
