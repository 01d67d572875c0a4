"""The simulated cluster as a Kubernetes API: what a kube-apiserver with KServe would answer."""
