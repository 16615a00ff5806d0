"""What an operator has decided about OpenAI's API."""

from msgspec import Struct

from engine.api_keys import ApiKeyRing
from engine.key_use import KeyUse
from miner_server.openai.budgets import Counting
from miner_server.openai.embeddings import Embedder


class Access(Struct, frozen=True):
    """The keys and the count of their use, the encoder, and whether plain HTTP may be public."""

    keys: ApiKeyRing
    use: KeyUse | Counting
    embedder: Embedder | None = None
    public: bool = False
