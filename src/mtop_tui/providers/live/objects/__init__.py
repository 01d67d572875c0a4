"""Kubernetes objects as an API server sends them, and as the records mtop works with."""
