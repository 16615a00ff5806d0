"""Talking to neurons over HTTP, at both ends.

`dialect` says what a wire dialect is and `dialects` holds them, a module each. A validator asks through `callers`; at a
miner `desk` guards each dialect against replays, and `miner_server.mount` puts it behind the miner's gates.
"""
