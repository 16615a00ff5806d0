"""The choice of a theme, with a preview."""
