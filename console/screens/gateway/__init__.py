"""Users' requests at a validator's gateway as they come, and the keys that they bear."""
