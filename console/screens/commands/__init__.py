"""Every command given to the engine or the chain, and its outcome."""
