"""Service level objectives: what is promised, how well it is kept, what is left of the budget."""
