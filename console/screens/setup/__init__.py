"""Setup: what the doctor found, and every setting with its source."""
