"""Where a cluster has left its repository: desired objects, proofs, verdicts and the report."""
