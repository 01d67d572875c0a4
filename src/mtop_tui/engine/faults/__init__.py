"""What can go wrong, or be done, in the simulated cluster, and when it is to happen."""
