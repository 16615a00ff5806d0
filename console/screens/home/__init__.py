"""Home: the state of everything, what needs attention, and the latest challenge."""
