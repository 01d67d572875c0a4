"""Capacity: how full a service is, how many replicas it needs, and what another choice costs."""
