"""Logs of a service's replicas, read by way of the API server."""
