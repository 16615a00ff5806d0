"""The miner: a Starlette application that answers validators through one of several backends.

A request comes in at `connections`, gets its route in `mount`, passes `admission` and the dialect's desk, and is
answered by `answering` from one of the `backends`; `endpoint` sends and records it.
"""
