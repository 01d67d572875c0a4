"""What KServe objects say: merging, reading and validating them."""
