"""Sybil suspects, the evidence, and their penalties."""
