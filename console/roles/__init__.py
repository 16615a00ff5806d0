"""The composition root: which parts make a demo, a validator or a miner. Each module puts one role together."""
