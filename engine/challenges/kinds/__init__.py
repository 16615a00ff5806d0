"""The kinds of challenges, one module per kind."""
