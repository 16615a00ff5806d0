"""Widgets that paint lines and tables of `console.present`, repainted only where they changed."""
