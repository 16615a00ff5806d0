"""What every screen is written in: text with tones, tables and their columns, numbers in words, states. Pure."""
