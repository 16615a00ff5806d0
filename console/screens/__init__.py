"""The screens: a folder for each, with what it shows, what can be done on it, and where that stands."""
