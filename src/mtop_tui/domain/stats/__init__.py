"""Statistics that the verdicts rest on: intervals, ranks, sequential tests."""
