"""How this miner's OpenAI-compatible API may be used."""

from msgspec import Struct

from engine.api_keys import ApiKeyRing
from engine.key_use import KeyUse
from miner_server.openai.budgets import Counting
from miner_server.openai.embeddings import Embedder


class Access(Struct, frozen=True):
    """The API keys, the record of their usage, the encoder, and whether plain HTTP may listen on a public address."""

    keys: ApiKeyRing
    use: KeyUse | Counting
    embedder: Embedder | None = None
    public: bool = False
