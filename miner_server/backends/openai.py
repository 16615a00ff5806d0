"""Any server that speaks OpenAI's chat completions: vLLM, llama-server, OpenAI itself.

Callers only get our own words about a failure; the log and the readiness quote the server to the operator.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from engine import foreign_json
from engine.redaction import keys
from engine.text import safe
from engine.transport import retry_after
from engine.transport.wire import Completion
from engine.values import Request
from miner_server import reflection
from miner_server.backends.abilities import EVERYTHING
from miner_server.backends.chat_request import chat_payload
from miner_server.backends.failures import failure, quoted, read_body
from miner_server.backends.gauges import NOTHING, GaugePage, Gauges, read_prometheus
from miner_server.backends.interface import PROOF, PROOF_S, OnText, require_answer
from miner_server.backends.kept_connections import Connections, ServerReply
from miner_server.backends.models import ID_CHARS, NAME_WIDTH, Model, NoModelsError, choose
from miner_server.backends.pauses import PAUSES_S, pause_after
from miner_server.backends.replies import Told, read_json, read_plain, read_told
from miner_server.backends.speed import Speed
from miner_server.backends.spoken import Spoken
from miner_server.errors import BackendError, NoAnswer, OutOfRoom, RequestUnfit

log = logging.getLogger(__name__)

PROBE_S = 5.0
PROBE_AGAIN_READY_S = 15.0
PROBE_AGAIN_S = 2.0
PROVE_AGAIN_S = 15.0
"""Pause after a failed proof: a completion takes longer than a list of models and may cost money."""

PROVE_IDLE_S = 300.0
"""A server that nobody has asked for this long has to answer a test question: listing models proves nothing."""

WARM_UP_S = 300.0
LOOK_S = PROBE_S + 1
"""How long one call for the readiness waits for a look, which goes on in the background."""

NEVER = -math.inf
UNFORESEEN = "the model server could not be asked; the log says why"

_MARKED, _MARK = reflection.HEADER.encode(), reflection.MARK.encode()

NO_LIST = (404, 405, 501)
NO_KEY = (401, 403)
"""HTTP's statuses of a server that has no list of models, and of one that wants another key."""


class OpenAIBackend:
    """`base_url` includes `/v1`. Without `model`, the first chat model that the server lists answers.

    `name` is the operator's name for this type of server. `context` limits a request in tokens, where the server states
    no smaller length. It asks again for itself what fails for a moment, if it `tries_again`. With
    `reasoning_is_answer`, a model's reasoning counts as its answer if it says nothing else.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        api_key: str | None = None,
        model: str | None = None,
        context: int | None = None,
        reasoning_is_answer: bool = False,
        tries_again: bool = True,
    ) -> None:
        self.name = name
        self._base = base_url.rstrip("/")
        authorization = {"authorization": f"Bearer {api_key}"} if api_key else {}
        self._headers = {reflection.HEADER: reflection.MARK, **authorization}
        self._connections = Connections(self._base, self._headers)
        self._keys = keys(api_key or "")
        self._wanted = model
        self._served = Model(model or "")
        self._context = context
        self._reasoning_is_answer = reasoning_is_answer
        self._tries_again = tries_again
        self._unready = "the model server has not been asked yet"
        self._look: asyncio.Task[tuple[str, float]] | None = None
        self._probe_at = 0.0
        self._answered_at = NEVER
        self._is_warm = self._lists = False
        self._answers_as = ""
        self.speed = Speed()
        self._page = self._gauge_page()

    can: frozenset[str] = EVERYTHING

    @property
    def model(self) -> str:
        return self._served.id

    @property
    def context(self) -> int | None:
        """The context length that requests have to fit in, in tokens; None while it is unknown."""
        return min(filter(None, (self._context, self._served.context, self.gauges.context)), default=None)

    async def readiness(self) -> str:
        """Asks the server for its models at intervals, and for an answer when none has come from it for a while."""
        if self._look is None and time.monotonic() >= self._probe_at:
            self._look = asyncio.create_task(self._probe())
        if not self._unready:
            self._page.refresh()
        if self._look is None:
            return self._unready
        await asyncio.wait([self._look], timeout=LOOK_S)
        if not self._look.done():
            return self._unready
        look, self._look = self._look, None
        self._unready, again_s = UNFORESEEN, PROBE_AGAIN_S  # remains if the probe has raised
        try:
            self._unready, again_s = look.result()
        finally:
            self._probe_at = time.monotonic() + again_s
        return self._unready

    @property
    def gauges(self) -> Gauges:
        """What the server says of itself, while it is there."""
        return NOTHING if self._unready else self._page.now

    def _gauge_page(self) -> GaugePage:
        root = Connections(self._base.removesuffix("/v1"), self._headers)  # llama-server's page needs the key, too
        return GaugePage(root, "/metrics", read_prometheus)

    async def complete(
        self,
        request: Request,
        *,
        timeout: float,
        caller: str = "",  # noqa: ARG002
        on_text: OnText | None = None,
    ) -> Completion:
        """Failures expected to pass soon are retried while the deadline allows it, at most twice."""
        until = time.monotonic() + timeout
        try:
            completion = await self._ask_patiently(request, until, on_text)
        except (RequestUnfit, NoAnswer):
            raise
        except BackendError:
            self._probe_at = 0.0
            if not self._lists:  # else the list tells whether it is there, and `Readiness` counts its failures
                self._answered_at = NEVER
            raise
        self._answered_at = time.monotonic()
        return completion

    async def close(self) -> None:
        if self._look is not None:
            self._look.cancel()
        self._page.close()
        self._connections.close()

    async def _ask_patiently(self, request: Request, until: float, on_text: OnText | None) -> Completion:
        for pause in PAUSES_S if self._tries_again else ():
            try:
                return await self._ask(request, on_text)
            except BackendError as error:
                wait = pause_after(error, pause, until)
                if wait is None:
                    raise
                log.info("%s is asked again in %.1f s: %s", self._base, wait, error)
            await asyncio.sleep(wait)
        return await self._ask(request, on_text)

    async def _probe(self) -> tuple[str, float]:
        """Why it cannot answer ("" if it can), and in how many seconds to check again."""
        try:
            async with asyncio.timeout(PROBE_S):
                reply = self._met(await self._list())
            if reply.status in NO_KEY:
                why = f"{self._base} does not take the API key ({reply.status}: {_quoted(reply)})"
                return f"{why}; set the right one in SUBNET_CONSOLE_API_KEY", PROBE_AGAIN_S
            if reply.status not in (200, *NO_LIST):
                return f"{self._base}/models answered {reply.status}: {_quoted(reply)}", PROBE_AGAIN_S
            self._lists = False
            await self._choose(reply)
            self._lists = True
        except TimeoutError:
            return f"{self._base} did not answer within {PROBE_S:g} s", PROBE_AGAIN_S
        except BackendError as error:
            return str(error), PROBE_AGAIN_S
        except (NoModelsError, ValueError):
            if self._wanted is None:
                return f"{self._base}/models lists no models: name one with backend_model", PROBE_AGAIN_S
        return await self._prove()

    async def _list(self) -> ServerReply:
        return await self._connections.get("/models")

    async def _choose(self, reply: ServerReply) -> None:
        """Take the model to ask from the server's list. Raises BackendError, NoModelsError and ValueError."""
        if reply.status in NO_LIST:
            raise NoModelsError
        served = choose(foreign_json.read(reply.body), self._wanted)
        if self._served.id not in ("", served.id):
            log.warning("%s answers with another model: %s", self._base, safe(served.id))
            self._answered_at = NEVER
        self._served = served

    async def _prove(self) -> tuple[str, float]:
        """Like `_probe`: has it answer a small question, unless it has answered anything lately.

        The first one warms it up: it may load its model for minutes.
        """
        if time.monotonic() - self._answered_at < PROVE_IDLE_S:
            return "", PROBE_AGAIN_READY_S
        longest = PROOF_S if self._is_warm else WARM_UP_S
        if not self._is_warm:
            self._unready = f"{self._base} has not given its first answer yet: its model may be loading"
        try:
            async with asyncio.timeout(longest):
                require_answer(await self._ask(PROOF, speed=Speed()), PROOF)  # a cold model's speed says nothing
        except TimeoutError:
            return f"{self._base} answers nothing within {longest:g} s", PROVE_AGAIN_S
        except OutOfRoom:  # it used up its tokens thinking: it works
            pass
        except BackendError as error:
            return f"{self._base} gives no answer: {error}", PROVE_AGAIN_S
        self._answered_at, self._is_warm = time.monotonic(), True
        return "", PROBE_AGAIN_READY_S

    @property
    def _path(self) -> str:
        return "/chat/completions"

    def _payload(self, request: Request, *, streamed: bool) -> dict[str, Any]:
        """The JSON to post to `_path`."""
        payload = chat_payload(request, context=self.context, can=self.can)
        if streamed:
            payload["stream_options"] = {"include_usage": True}
        return payload | {"model": self._served.id, "stream": streamed}

    @property
    def _reading(self) -> Callable[[object], object]:
        """Makes a reply, or an event of a streamed one, what OpenAI's would be."""
        return _as_it_is

    async def _ask(self, request: Request, on_text: OnText | None = None, speed: Speed | None = None) -> Completion:
        """The answer, without the key that it was asked with; nothing else in it is changed."""
        with (speed or self.speed).begin() as measuring:
            spoken = None if on_text is None else Spoken(on_text, self._keys, self._reading, measuring.heard)
            body = msgspec.json.encode(self._payload(request, streamed=spoken is not None))
            try:
                reply = self._met(
                    await self._connections.post(self._path, body, None if spoken is None else spoken.hear)
                )
                if not 200 <= reply.status < 300:
                    raise failure(read_body(reply.body), status=reply.status, again_in=_again_in(reply))
                told = self._told(reply.body, request, spoken)
                completion = told.completion
                text = self._keys.hide(completion.text) if spoken is None else spoken.whole(completion.text)
            except BackendError as error:
                if spoken is not None and spoken.given:
                    error.again_in = None  # who has heard the beginning of one answer cannot be told another
                raise
            measuring.answered(completion.usage.get("completion_tokens", 0), told.speed)
        self._note_model(told.model)
        if text is completion.text and not self._keys:
            return completion
        return replace(
            completion,
            text=text,
            tool_calls=self._keys.hide_within(completion.tool_calls),
            logprobs=completion.logprobs if text == completion.text else None,  # token by token, a key would show
        )

    def _told(self, raw: bytes, request: Request, spoken: Spoken | None) -> Told:
        """What a reply tells, in one piece or as it was spoken. Raises BackendError."""
        if spoken is not None and spoken.has_begun:
            reply: object = spoken.reply()
        else:
            reading = self._reading
            if reading is _as_it_is and (plain := read_plain(raw, max_tokens=request.max_tokens)):
                return plain
            reply = read_json(raw, reading=reading)
        return read_told(reply, max_tokens=request.max_tokens, reasoning_is_answer=self._reasoning_is_answer)

    def _note_model(self, said: object) -> None:
        """Servers may answer under another name than they were asked by, but under the same one each time."""
        if not isinstance(said, str) or not said or said == self._answers_as:
            return
        if self._answers_as:
            log.warning(
                "%s has changed its model: it answers as %s, previously as %s",
                self._base,
                safe(said, NAME_WIDTH),
                safe(self._answers_as, NAME_WIDTH),
            )
        self._answers_as = said[:ID_CHARS]

    def _met(self, reply: ServerReply) -> ServerReply:
        """The reply, unless it comes from this miner itself."""
        if reply.status == reflection.STATUS and reply.headers.get(_MARKED) == _MARK:
            raise BackendError(
                f"{self._base} leads to this miner itself: correct backend_url, or give the miner another port"
            )
        return reply


def _as_it_is(value: object) -> object:
    return value


def _quoted(reply: ServerReply) -> str:
    return quoted(read_body(reply.body))


def _again_in(reply: ServerReply) -> float:
    """In seconds; 0.0 if the server does not say."""
    said = str(reply.headers.get(b"retry-after", b""), "latin-1")
    return retry_after.seconds(said, now=time.time()) or 0.0
