"""A cluster of real size that costs its server little, and the app that watches it."""
