"""Money: what nodes, GPUs, services and tokens cost, in the words of the OpenCost specification."""
