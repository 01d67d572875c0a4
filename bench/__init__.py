"""Benchmarks: each prints a figure with its unit and its bound, and writes JSON."""
