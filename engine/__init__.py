"""The engine: everything that works without a screen. It never imports `console` or `miner_server`."""
