"""One class per file."""
