"""Server: a miner's server and who asks it; in the other roles, what runs."""
