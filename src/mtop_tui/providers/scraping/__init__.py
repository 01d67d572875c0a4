"""What all who read metrics pages share: when to ask, and what a page says."""
