"""A profile that judges in this process, with its history."""

import os
import warnings
from typing import TYPE_CHECKING

from console.errors import ConsoleError
from engine.judge.encoding.endpoint import Endpoint
from engine.judge.encoding.errors import EncoderError
from engine.judge.encoding.threads import thread_limits
from engine.scoring.history import History
from engine.settings import Settings
from engine.values import Challenge, Judgement, Reply

if TYPE_CHECKING:
    from engine.judge.encoding.cache import CachedEncoder


def open_cached(embedder: str, settings: Settings) -> "CachedEncoder":
    """The encoder of that name; `settings` say how it runs. Raises ConsoleError."""
    os.environ.update(thread_limits(settings.encoder_threads))
    warnings.filterwarnings("ignore", module="sklearn")
    from engine.judge.encoding.cache import CachedEncoder
    from engine.judge.encoding.encoders import open_encoder

    try:
        encoder = open_encoder(
            embedder,
            threads=settings.encoder_threads,
            device=settings.encoder_device,
            endpoint=Endpoint(settings.encoder_url, str(settings.encoder_key)),
        )
    except EncoderError as error:
        raise ConsoleError(str(error)) from error
    return CachedEncoder(encoder)


class Offline:
    """Judges round after round by one profile: each from those before it."""

    def __init__(self, profile: str, encoder: "CachedEncoder") -> None:
        self.profile = profile
        self._encoder = encoder
        self._history = History()

    def judge(self, challenge: Challenge, replies: tuple[Reply, ...]) -> Judgement:
        """Raises ConsoleError when the texts cannot be embedded."""
        from engine.scoring import profiles

        texts = profiles.texts(self.profile, challenge, replies)
        try:
            vectors = dict(zip(texts, self._encoder.encode(texts), strict=True))
        except EncoderError as error:
            raise ConsoleError(str(error)) from error
        judgement, self._history = profiles.judge(self.profile, challenge, replies, vectors, self._history)
        return judgement
