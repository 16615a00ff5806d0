"""The wire dialects, one module each."""
