"""The client of the judging worker: a process that embeds and judges, and is replaced when it dies or hangs."""

import asyncio
import contextlib
import logging
import math
import os
import signal
import sys
import time
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from engine.environ import harmless
from engine.feed import Feed
from engine.files import UNDECODABLE
from engine.judge.encoding.basics import NOWHERE, EncoderEndpoint, EncoderError, thread_limits
from engine.judge.worker import (
    Failed,
    JudgeResult,
    JudgeTask,
    LikenessResult,
    LikenessTask,
    Ready,
    Setup,
    WorkerAnswer,
)
from engine.patience import impatience
from engine.pipes import HEADER_BYTES, framed
from engine.values import Challenge, Judgement, Likeness, Reply

log = logging.getLogger(__name__)

DEADLINE_S = 60.0
"""Limit for loading the model, and for judging one round."""

MOST_DEADLINES = 16
"""How many times that long is waited at most. Each worker that is too slow doubles the limit of the next one, until one
has judged: a machine that is too busy for the first limit would never get anywhere with the same one again."""

SILENT_S = 5.0
"""A silence worth reporting: judging takes less than a second."""

DYING_S = 1.0
"""Time a dying process has between closing its pipes and its end."""

SILENCE = "judging worker"
"""Subject of the attention line about a silent worker."""


class Counts(Struct):
    """What became of rounds since the judge was made, the seconds that those judged took, and the workers started."""

    judged: int = 0
    failed: int = 0
    seconds: float = 0.0
    started: int = 0


class JudgeFailed(Exception):
    """A round could not be judged in two attempts; the message says why."""


class Judge:
    """Judges rounds with one scoring profile and one encoder, one round at a time.

    A worker that is silent, has died or had to be replaced is reported to `feed`.
    """

    def __init__(
        self,
        profile: str,
        encoder: str,
        *,
        threads: int = 1,
        device: str = "auto",
        endpoint: EncoderEndpoint = NOWHERE,
        deadline: float = DEADLINE_S,
        feed: Feed | None = None,
    ) -> None:
        self.profile = profile
        self._setup = Setup(profile=profile, encoder=encoder, threads=threads, device=device, endpoint=endpoint)
        self._deadline = self._patience = deadline
        self._feed = feed
        self._process: asyncio.subprocess.Process | None = None
        self._end: asyncio.Task[None] | None = None
        self._talk: asyncio.Task[WorkerAnswer] | None = None
        """The last message sent to the worker, and its answer."""
        self._turn = asyncio.Lock()
        self.counts = Counts()
        self._decoder: msgspec.msgpack.Decoder[WorkerAnswer] = msgspec.msgpack.Decoder(WorkerAnswer)

    async def start(self) -> None:
        """Start the worker and load the model. Raises `EncoderError`, `JudgeFailed`."""
        async with self._turn:
            await self._begin()

    async def judge(self, challenge: Challenge, replies: Sequence[Reply], history: bytes | None) -> JudgeResult:
        """Judge a round against `history` as the previous judgement left it. Raises `JudgeFailed`.

        Cancelling discards the judgement; the worker lives on.
        """
        try:
            task = msgspec.msgpack.encode(JudgeTask(challenge=challenge, replies=tuple(replies), history=history))
        except (OverflowError, UnicodeEncodeError) as error:
            raise JudgeFailed(f"challenge {challenge.id} cannot be handed to the worker: {error}") from error
        async with self._turn:
            try:
                return await self._result_of(task)
            except JudgeFailed as error:
                log.warning("judging challenge %s again: %s", challenge.id, error)
            try:
                return await self._result_of(task)
            except JudgeFailed:
                self.counts.failed += 1
                raise

    async def idle(self) -> None:
        """Wait until no round is being judged."""
        async with self._turn:
            pass

    async def likeness(self, challenge: Challenge, replies: Sequence[Reply]) -> Likeness:
        """How alike the answers of a judged round are. Raises `JudgeFailed`."""
        task = msgspec.msgpack.encode(LikenessTask(challenge=challenge, replies=tuple(replies)))
        async with self._turn:
            answer = await self._answered(task)
        if not isinstance(answer, LikenessResult):
            raise JudgeFailed(answer.reason if isinstance(answer, Failed) else "the worker sent no likeness")
        return answer.likeness

    async def close(self) -> None:
        """Kill the worker. A second call does nothing."""
        process, self._process = self._process, None
        talk, self._talk = self._talk, None
        if talk is not None:
            talk.cancel()
        if process is not None:
            if process.returncode is None and self._end is not None:
                self._end.cancel()
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    @property
    def pid(self) -> int | None:
        """The worker's process id; None if there is no worker."""
        return self._process.pid if self._process else None

    async def _answered(self, task: bytes) -> WorkerAnswer:
        if self._process is None or self._process.returncode is not None:
            try:
                await self._begin()
            except EncoderError as error:
                raise JudgeFailed(str(error)) from error
        return await self._exchange(task)

    async def _result_of(self, task: bytes) -> JudgeResult:
        began = time.monotonic()
        answer = await self._answered(task)
        if not isinstance(answer, JudgeResult):
            raise JudgeFailed(answer.reason if isinstance(answer, Failed) else "the worker sent no judgement")
        _require_finite(answer.judgement)
        self.counts.judged += 1
        self.counts.seconds += time.monotonic() - began
        self._patience = self._deadline
        return answer

    async def _begin(self) -> None:
        await self.close()
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "engine.judge.worker",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=harmless(os.environ) | thread_limits(self._setup.threads),
                start_new_session=True,
            )
        except OSError as error:
            raise JudgeFailed(f"the judging worker cannot be started ({error.strerror})") from error
        self._end = asyncio.create_task(self._see_the_end_of(self._process))
        self.counts.started += 1
        answer = await self._exchange(msgspec.msgpack.encode(self._setup))
        if isinstance(answer, Failed):
            await self.close()
            raise EncoderError(answer.reason)
        if not isinstance(answer, Ready):
            raise JudgeFailed("the worker did not start properly")
        without = f"; no GPU in use (encoder_device {self._setup.device})" if answer.device == "cpu" else ""
        log.info("answers are embedded by %s on %s%s", answer.encoder, answer.device, without)

    async def _see_the_end_of(self, process: asyncio.subprocess.Process) -> None:
        """Report a worker that ends unexpectedly, even while there is nothing to judge."""
        self._tell_replaced(_died(await process.wait()))

    def _tell_replaced(self, why: str) -> None:
        text = f"the judging worker {why}: replacing it"
        if self._feed is None:
            log.error(text)
        else:
            self._feed.raise_attention("error", "judging", text)

    async def _exchange(self, message: bytes) -> WorkerAnswer:
        """Send a message and read the answer. A worker that fails at this is killed."""
        try:
            async with asyncio.timeout(self._patience):
                with impatience(
                    self._feed, SILENCE, self._silence, "the judging worker is answering again", after=SILENT_S
                ):
                    return await self._answer_to(message)
        except TimeoutError:
            await self.close()
            self._tell_replaced(why := f"did not answer within {self._patience:g} s")
            self._patience = min(2 * self._patience, MOST_DEADLINES * self._deadline)
            raise JudgeFailed(f"the judging worker {why}") from None
        except (EOFError, OSError) as error:
            raise JudgeFailed(f"the judging worker {await self._ended()}") from error
        except UNDECODABLE as error:
            await self.close()
            self._tell_replaced(why := "sent an unreadable answer")
            raise JudgeFailed(f"the judging worker {why}") from error

    @property
    def _silence(self) -> str:
        url = self._setup.endpoint.url
        waits = f"; it may be waiting for the encoder at {url}" if url else ""
        return f"the judging worker has not answered for {SILENT_S:g} s{waits}"

    async def _ended(self) -> str:
        """How the worker ended after its pipes broke; it is killed if it does not die within a moment."""
        how = "closed its pipes"
        if self._process is not None:
            try:
                async with asyncio.timeout(DYING_S):
                    how = _died(await self._process.wait())
            except TimeoutError:
                self._tell_replaced(how)
        await self.close()
        return how

    async def _answer_to(self, message: bytes) -> WorkerAnswer:
        """The worker's answer. Even if nobody waits for it any more, it is read before the next message is sent."""
        if self._talk is not None:
            await asyncio.wait([self._talk])
        self._talk = asyncio.create_task(self._send_and_read(message))
        return await asyncio.shield(self._talk)

    async def _send_and_read(self, message: bytes) -> WorkerAnswer:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise EOFError
        process.stdin.write(framed(message))
        await process.stdin.drain()
        size = int.from_bytes(await process.stdout.readexactly(HEADER_BYTES), "big")
        return self._decoder.decode(await process.stdout.readexactly(size))


def _died(code: int) -> str:
    """How a process with this return code ended, in words."""
    return f"died ({signal.Signals(-code).name if code < 0 else f'exit code {code}'})"


def _require_finite(judgement: Judgement) -> None:
    """Reject NaN and infinity, which would poison every average made from them. Raises `JudgeFailed`."""
    for verdict in judgement.verdicts:
        numbers = (verdict.quality, verdict.score, verdict.emission, *verdict.parts.values())
        if not all(map(math.isfinite, numbers)):
            raise JudgeFailed(f"the verdict on uid {verdict.uid} is not a finite number")
    if not (math.isfinite(judgement.consensus) and math.isfinite(judgement.agreement)):
        raise JudgeFailed("the consensus is not a finite number")
