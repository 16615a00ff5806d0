"""A folder a screen: `content` is what it shows, `actions` what can be done on it, `screen` where that stands.

`registry` is the table of all of them, `host` what a screen can ask of the application.
"""
