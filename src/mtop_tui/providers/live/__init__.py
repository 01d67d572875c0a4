"""A Kubernetes cluster as a source of observations. It can look, and do nothing else."""
