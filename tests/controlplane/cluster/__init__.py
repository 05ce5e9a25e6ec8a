"""Stand-ins for what a cluster has besides its control plane: kubelets, volumes, operators."""
