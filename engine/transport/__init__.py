"""Both ends of talking to neurons over HTTP.

`dialect` defines a wire dialect, and `dialects` holds one module for each. A validator asks through `callers`; at a
miner, `desk` guards each dialect against replays, and `miner_server.mount` puts it behind the miner's gates.
"""
