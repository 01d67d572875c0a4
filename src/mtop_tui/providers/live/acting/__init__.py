"""Changes objects of a cluster. Nothing here is imported unless mtop was started to act."""
