"""Load, validate and default a site file."""
