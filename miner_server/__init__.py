"""The miner: a Starlette application that answers validators through one of several backends."""
