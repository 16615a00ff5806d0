"""Widgets that paint what `console.present` made, line by line."""
