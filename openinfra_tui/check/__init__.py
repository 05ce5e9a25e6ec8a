"""Checks over a generated repository: builds, schemas, references, secrets, versions, value keys."""
