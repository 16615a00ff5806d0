"""Widgets that paint what `console.present` and `console.screens` made, line by line."""
