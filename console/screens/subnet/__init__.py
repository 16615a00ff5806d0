"""Subnet: every neuron and every validator as they stand on chain, for whoever looks, with a key or without."""
