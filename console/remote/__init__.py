"""An engine in another process of this machine: its doors behind a Unix socket in its data folder."""
