"""What services are asked to do: when requests arrive, how long they are, and who sends them."""
