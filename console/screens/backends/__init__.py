"""What answers behind a miner's server: its backends, how fast they are, and the GPUs they have."""
