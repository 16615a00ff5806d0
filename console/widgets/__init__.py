"""Widgets that paint lines and tables of `console.present`, anew only where they changed."""
