"""One serving replica: what a step costs, how requests are scheduled, what its page shows."""
