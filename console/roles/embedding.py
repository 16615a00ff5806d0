"""Embeddings for a miner's OpenAI API: the encoder of the settings, loaded when the first are asked for."""

from collections.abc import Sequence
from threading import Event
from typing import TYPE_CHECKING

from engine.judge.encoding.basics import EncoderEndpoint, EncoderError
from engine.settings import Settings
from miner_server.backends.lanes import Lanes
from miner_server.openai.embeddings import Embedded, EmbeddingError

if TYPE_CHECKING:
    from engine.judge.encoding.interface import Encoder

BATCH = 16
"""Texts between two looks whether anybody still waits."""


class SettingsEncoder:
    """The `Embedder` that `encoder` and its neighbours in the settings describe."""

    def __init__(self, settings: Settings) -> None:
        self.name = settings.encoder
        self._settings = settings
        self._lanes = Lanes(1, f"encoder {self.name}")
        self._encoder: Encoder | None = None

    async def embed(self, texts: Sequence[str]) -> Embedded:
        """One request after the other. Raises EmbeddingError."""
        try:
            return await self._lanes.run(lambda given_up: self._embedded(texts, given_up))
        except EncoderError as error:
            raise EmbeddingError(str(error)) from error

    def _embedded(self, texts: Sequence[str], given_up: Event) -> Embedded:
        encoder = self._loaded()
        from engine.judge.encoding.interface import CountsTokens

        vectors: list[list[float]] = []
        for start in range(0, len(texts), BATCH):
            if given_up.is_set():
                break
            vectors += encoder.encode(texts[start : start + BATCH]).tolist()
        return Embedded(vectors, encoder.tokens(texts) if isinstance(encoder, CountsTokens) else None)

    def _loaded(self) -> "Encoder":
        if self._encoder is None:
            from engine.judge.encoding.encoders import open_encoder

            settings = self._settings
            self._encoder = open_encoder(
                settings.encoder,
                threads=settings.encoder_threads,
                device=settings.encoder_device,
                endpoint=EncoderEndpoint(settings.encoder_url, str(settings.encoder_key)),
            )
        return self._encoder
