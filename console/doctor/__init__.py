"""`subnet-console doctor`: what on this machine keeps a neuron from doing well, and what to do about it.

Every check only looks. `examination` makes them all, `report` writes them down.
"""
