"""How well the diagnosis names what is wrong, judged by faults of the simulation."""
