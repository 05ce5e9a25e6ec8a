"""openinfra-tui: from an operator's answers to a Git repository that Flux or Argo CD reconciles."""

__version__ = "0.1.0"
