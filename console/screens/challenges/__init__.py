"""Challenges: the last rounds."""
