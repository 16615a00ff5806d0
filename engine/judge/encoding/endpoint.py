"""Where a server's embeddings are; apart from what asks it, so that naming one loads nothing."""

from msgspec import Struct


class Endpoint(Struct, frozen=True):
    """`url` up to and with `/v1`, "" for none; `key` is never shown."""

    url: str = ""
    key: str = ""

    def __repr__(self) -> str:
        return "Endpoint(…)"


NOWHERE = Endpoint()
