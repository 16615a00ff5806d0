"""Where challenges come from."""
