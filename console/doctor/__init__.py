"""`subnet-console doctor`: problems with this machine, wallet and settings, and how to fix them.

Every check only reads. `examination` runs them all, `report` prints the results.
"""
