"""One miner."""
