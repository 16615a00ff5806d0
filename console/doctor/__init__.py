"""`subnet-console doctor`: what on this machine keeps a neuron from doing well, and what to do about it.

Every check only reads. `examination` runs them all, `report` prints the results.
"""
