"""Faults planted on purpose, one at a time, to see whether the tests find them. Run by `scripts/mutate`."""
