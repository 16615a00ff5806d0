"""What all screens are made of, without a terminal: text with tones, tables and columns, formatted numbers, states."""
