"""The kinds of challenges, a module a kind."""
