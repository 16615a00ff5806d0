"""Logs: the log of every part of the program."""
