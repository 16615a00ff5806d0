"""Weights: what is on chain, what is planned, what was sent; and every action on the chain."""
