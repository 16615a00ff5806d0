"""What the store raises, also through the protocols of the rooms that it serves."""


class StoreError(Exception):
    """A read or a write failed and left nothing behind; the next one may succeed."""
