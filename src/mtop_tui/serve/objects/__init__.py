"""The objects of the simulated cluster, each family in the schema of its API group."""
