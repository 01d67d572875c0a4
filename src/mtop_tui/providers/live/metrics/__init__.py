"""What engines in a cluster measure: from Prometheus, or from their pods."""
