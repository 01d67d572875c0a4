"""The controllers of the simulated cluster: workloads, autoscalers, nodes, canary analysis."""
