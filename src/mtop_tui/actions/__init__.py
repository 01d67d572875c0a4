"""What users may do to a service: what it comes to is worked out here, without any I/O."""
