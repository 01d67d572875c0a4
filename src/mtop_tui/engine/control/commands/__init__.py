"""What scenarios, faults and users do to a fleet, by what it is done to."""
