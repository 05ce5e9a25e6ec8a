"""Servers on 127.0.0.1 in place of the internet: Git, Helm repository, OCI registry, and a faulty API server."""
