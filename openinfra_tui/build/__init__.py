"""Programs that build what the engine would apply: kustomize, and the state of the others."""
