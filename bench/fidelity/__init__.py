"""Judges the engine's serving model against published measurements, and writes what it found."""
