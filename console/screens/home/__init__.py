"""Home: how everything stands, what needs attention, what was asked last."""
