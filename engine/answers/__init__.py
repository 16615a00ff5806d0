"""Answer types: each reads the answer from a reply, gives it one spelling, and tells whether it is right."""
