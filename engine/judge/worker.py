"""The judging worker: reads rounds on stdin and writes judgements on stdout until stdin ends.

Each message (`engine.pipes`) is msgpack. The first is `Setup`, answered by `Ready` or `Failed`; each `JudgeTask` after
it is answered by `JudgeResult`, each `LikenessTask` by `LikenessResult`, and either by `Failed`. The worker ends when
its stdin does, so it never outlives the engine that started it.
"""

import os

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from engine.judge.encoding.basics import EncoderEndpoint, EncoderError
from engine.judge.marking import MarkingError, marks
from engine.pipes import own_pipes, read_message, write_message
from engine.sybil.suspects import Suspicions
from engine.values import Challenge, Judgement, Likeness, Reply

NICENESS = 5
"""Below the event loop, which gets three quarters of a shared core; a higher one starves beside other busy programs."""

_NAMED = (EncoderError, MarkingError)
"""Errors whose words say enough."""


class Setup(Struct, frozen=True, kw_only=True, tag=True):
    """The first message: what to judge with."""

    profile: str
    encoder: str
    threads: int
    device: str
    endpoint: EncoderEndpoint


class JudgeTask(Struct, frozen=True, kw_only=True, tag=True):
    """A round to judge; `history` is what the previous judgement returned, None for the first."""

    challenge: Challenge
    replies: tuple[Reply, ...]
    history: bytes | None


class LikenessTask(Struct, frozen=True, kw_only=True, tag=True):
    """A judged round whose answers are to be compared in meaning."""

    challenge: Challenge
    replies: tuple[Reply, ...]


class Ready(Struct, frozen=True, kw_only=True, tag=True):
    """The model is loaded: the encoder's name and device."""

    encoder: str
    device: str


class JudgeResult(Struct, frozen=True, kw_only=True, tag=True):
    """A judgement, sybil suspicions, and the history for the next round; the similarities of the answers if their
    vectors were needed, else None."""

    judgement: Judgement
    likeness: Likeness | None
    suspicions: Suspicions
    history: bytes


class LikenessResult(Struct, frozen=True, kw_only=True, tag=True):
    """The similarities of a round's answers."""

    likeness: Likeness


class Failed(Struct, frozen=True, kw_only=True, tag=True):
    """Why the model could not be loaded, or the round could not be judged."""

    reason: str


WorkerAnswer = Ready | JudgeResult | LikenessResult | Failed
WorkerTask = JudgeTask | LikenessTask


def main() -> None:
    """Serve one engine until stdin ends."""
    requests, answers = own_pipes()
    encode = msgspec.msgpack.encode
    setup = msgspec.msgpack.decode(read_message(requests), type=Setup)
    try:
        worker = _Worker(setup)
    except Exception as error:
        write_message(answers, encode(Failed(reason=str(error) or type(error).__name__)))
        read_message(requests)  # Ended by the engine that has read why: ending before would be taken for a crash.
        return
    os.nice(NICENESS)  # From here on, not before: on a busy machine loading would take longer than anyone waits.
    write_message(answers, encode(Ready(encoder=worker.encoder.name, device=worker.encoder.device)))
    decoder: msgspec.msgpack.Decoder[WorkerTask] = msgspec.msgpack.Decoder(WorkerTask)
    while message := read_message(requests):
        try:
            answer: WorkerAnswer = worker.answer(decoder.decode(message))
        except Exception as error:
            told = str(error) if isinstance(error, _NAMED) else f"{type(error).__name__}: {error}"
            answer = Failed(reason=told)
        write_message(answers, encode(answer))


class _Worker:
    def __init__(self, setup: Setup) -> None:
        from engine.judge.encoding.encoders import CachedEncoder, open_encoder

        self._profile = setup.profile
        self.encoder = CachedEncoder(
            open_encoder(setup.encoder, threads=setup.threads, device=setup.device, endpoint=setup.endpoint)
        )
        _load(setup.profile)

    def answer(self, task: WorkerTask) -> WorkerAnswer:
        return self._judged(task) if isinstance(task, JudgeTask) else self._compared(task)

    def _judged(self, task: JudgeTask) -> JudgeResult:
        from engine.judge.memory import decode, encode
        from engine.scoring import profiles
        from engine.sybil.observation import learned
        from engine.sybil.suspects import suspicions

        vectors = profiles.vectors(self._profile, task.challenge, task.replies, self.encoder.encode)
        marked = marks(task.challenge, task.replies, self.encoder.encode)
        judgement, history = profiles.judge(
            self._profile, task.challenge, task.replies, vectors, decode(task.history), marked
        )
        likeness = profiles.likeness(self._profile, task.challenge, task.replies, vectors) if vectors else None
        evidence = learned(history.evidence, task.challenge, task.replies, vectors)
        return JudgeResult(
            judgement=replace(judgement, encoder=self.encoder.name),
            likeness=likeness,
            suspicions=suspicions(evidence),
            history=encode(replace(history, evidence=evidence)),
        )

    def _compared(self, task: LikenessTask) -> LikenessResult:
        from engine.scoring import profiles

        texts = profiles.likeness_texts(self._profile, task.challenge, task.replies)
        vectors = dict(zip(texts, self.encoder.encode(texts), strict=True))
        return LikenessResult(likeness=profiles.likeness(self._profile, task.challenge, task.replies, vectors))


def _load(profile: str) -> None:
    """Load what judging needs now, not within the deadline of the first round."""
    import engine.judge.memory
    import engine.sybil.observation
    import engine.sybil.suspects  # noqa: F401
    from engine.scoring import profiles

    profiles.load(profile)


if __name__ == "__main__":
    main()
