"""The palette: any action, theme, miner or instant by a few letters."""
