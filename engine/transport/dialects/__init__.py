"""The wire dialects, a module each."""
