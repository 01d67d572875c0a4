"""What the numbers mean: pure functions on plain values, standard library only."""
