"""The simulated cluster: its objects come from manifests, its behaviour from the engine."""
