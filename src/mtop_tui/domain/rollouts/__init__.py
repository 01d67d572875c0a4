"""Rollouts: what is rolled out, whether it is stuck, and whether the new one is worse."""
