"""What is known about the fleet now and lately, built from observations."""
