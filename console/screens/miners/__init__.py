"""Miners: all of them, how they do, and what they would be paid."""
