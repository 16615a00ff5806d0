"""Widgets for the lines and tables of `console.present`, which repaint only what changed."""
