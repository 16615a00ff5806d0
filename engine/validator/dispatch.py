"""Sends a challenge to the chosen miners and collects their replies. A failure is a reply with a reason."""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial

from msgspec.structs import replace

from engine.transport.dialect import Caller, Multilingual
from engine.transport.errors import Busy, WireError
from engine.validator.selection import Candidate, Refusals
from engine.values import Challenge, Peer, Reply

log = logging.getLogger(__name__)

BYTES_A_TOKEN = 32
"""A token averages 4 bytes of English; hardly any token of any vocabulary is longer than this."""

LEAST_TEXT = 4096
"""Bytes allowed for every answer, however low `max_tokens` is: models count tokens in different ways."""

FINISH_REASON_WIDTH = 64
"""Characters: OpenAI's longest, content_filter, has 14."""

LOGPROBS_BYTES = 256 * 1024
"""As JSON: two hundred tokens with twenty alternatives each, or four thousand with none."""

OnText = Callable[[Candidate, str], None]
"""Hears the text of a miner's answer piece by piece, as it arrives."""

Excuse = Callable[[Candidate, WireError], WireError]
"""Decides what a miner's failure counts as: the failure itself, or a "cancelled" one that does not count."""


class Dispatch:
    """Asks many miners at once.

    `timeout` bounds each miner, `round_timeout` the whole round, both in seconds on the monotonic clock;
    `reply_limit` is the largest reply in bytes; its text is cut to what `max_tokens` can amount to. `refusals` decides
    whether a busy miner is excused: its reply is then "cancelled" and does not count.
    """

    def __init__(
        self,
        caller: Caller,
        *,
        timeout: float,
        round_timeout: float,
        refusals: Refusals | None = None,
    ) -> None:
        self._caller = caller
        self._dialects = caller if isinstance(caller, Multilingual) else None
        self._refusals = refusals or Refusals()
        self._timeout = timeout
        self._round_timeout = round_timeout

    @property
    def limit(self) -> float:
        """How long a miner may take, in seconds."""
        return min(self._timeout, self._round_timeout)

    async def ask(
        self,
        challenge: Challenge,
        miners: Sequence[Candidate],
        *,
        reply_limit: int,
        on_reply: Callable[[Reply], None],
        on_text: OnText | None = None,
        excuse: Excuse | None = None,
    ) -> tuple[Reply, ...]:
        """One reply per miner, in the order of `miners`, each asked in its own wording if there are several. Cancelling
        aborts every exchange. With an `excuse`, that decides about failures, and `refusals` hears nothing of this."""
        if not miners:
            return ()
        text_limit = max(LEAST_TEXT, BYTES_A_TOKEN * challenge.request.max_tokens)

        async def ask_one(place: int, miner: Candidate) -> Reply:
            dialect = self._dialect_of(miner.peer)
            asked = challenge.worded(place)
            got = await self._ask_one(asked, miner, reply_limit, on_text, excuse or self._excused)
            if got.status == "ok" and excuse is None:
                self._refusals.note_reply(miner.neuron.hotkey, answered=True)
            reply = bounded(got, text_limit)
            own_words = asked.request.question if challenge.wordings else ""
            reply = replace(reply, dialect=self._dialect_of(miner.peer) or dialect, prompt=own_words)
            on_reply(reply)
            return reply

        tasks = [asyncio.create_task(ask_one(place, miner)) for place, miner in enumerate(miners)]
        try:
            await asyncio.wait(tasks, timeout=self._round_timeout)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return tuple(
            self._overdue(miner, excuse) if task.cancelled() else task.result()
            for task, miner in zip(tasks, miners, strict=True)
        )

    async def _ask_one(
        self, challenge: Challenge, miner: Candidate, reply_limit: int, on_text: OnText | None, excuse: Excuse
    ) -> Reply:
        try:
            answer = await self._caller.ask(
                miner.peer,
                challenge,
                timeout=self._timeout,
                max_bytes=reply_limit,
                on_text=partial(on_text, miner) if on_text else None,
            )
        except WireError as error:
            return _failed(miner, excuse(miner, error))
        except Exception as error:
            log.exception("asking uid %d failed", miner.neuron.uid)
            return _failed(
                miner, excuse(miner, WireError("malformed", f"{type(error).__name__} while reading the reply"))
            )
        completion = answer.completion
        return Reply(
            uid=miner.neuron.uid,
            hotkey=miner.neuron.hotkey,
            coldkey=miner.neuron.coldkey,
            ip=miner.peer.host,
            ms=answer.ms,
            text=completion.text,
            tool_calls=completion.tool_calls,
            finish_reason=completion.finish_reason,
            usage=completion.usage,
            logprobs=completion.logprobs if challenge.request.options.get("logprobs") else None,
        )

    def _dialect_of(self, peer: Peer) -> str:
        return self._dialects.dialect_of(peer) if self._dialects else ""

    def _overdue(self, miner: Candidate, excuse: Excuse | None) -> Reply:
        late = WireError("timeout", f"no answer within the round's {self._round_timeout:g} s")
        return replace(_failed(miner, excuse(miner, late) if excuse else late), dialect=self._dialect_of(miner.peer))

    def _excused(self, miner: Candidate, failure: WireError) -> WireError:
        """A busy miner's refusal is either excused (cancelled) or a failure (refused)."""
        hotkey, now = miner.neuron.hotkey, time.monotonic()
        if not isinstance(failure, Busy):
            self._refusals.note_reply(hotkey, answered=False)
            return failure
        busy = failure
        why_not = self._refusals.note_refusal(hotkey, now, busy.retry_after)
        if why_not is not None:
            return WireError("refused", f"{busy.reason}; {why_not}")
        rest = self._refusals.rest_of(hotkey, now)
        return WireError("cancelled", f"{busy.reason}; busy, not asked again for {rest:.0f} s")


def bounded(reply: Reply, limit: int) -> Reply:
    """The reply, its text cut to `limit` bytes. Tool calls cannot be cut: too many of them are a failure. Too many log
    probabilities are left out."""
    if reply.tool_calls and len(json.dumps(reply.tool_calls)) > limit:
        reason = f"tool calls exceed the {limit} bytes that max_tokens allows"
        return replace(reply, status="too_large", reason=reason, text="", tool_calls=(), finish_reason="", usage={})
    text = reply.text.encode(errors="replace")
    return replace(
        reply,
        text=text[:limit].decode(errors="ignore") if len(text) > limit else reply.text,
        finish_reason=reply.finish_reason[:FINISH_REASON_WIDTH],
        logprobs=reply.logprobs if len(json.dumps(reply.logprobs)) <= LOGPROBS_BYTES else None,
    )


def _failed(miner: Candidate, error: WireError) -> Reply:
    return Reply(
        uid=miner.neuron.uid,
        hotkey=miner.neuron.hotkey,
        coldkey=miner.neuron.coldkey,
        ip=miner.peer.host,
        status=error.status,
        reason=error.reason,
    )
