"""The demo's miners: honest and dishonest ones, whose behaviour depends on a seed."""
