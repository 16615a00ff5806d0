"""The routes under `/v1`, and who may use them: the bearers of this miner's keys.

The gates have one order: where the caller is, its key, the key's rate, the body, what it asks for, readiness, the
queue. A request without a valid key is charged to its address, as a stranger's is everywhere at this miner.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from ipaddress import ip_address
from typing import Any

from engine.api_keys import ApiKey, ApiKeys, KeyFileError
from engine.key_use import KeyUse
from engine.text import safe
from engine.transport.clear import EVENT_STREAM
from engine.transport.dialect import Response
from engine.transport.errors import Refusal
from engine.transport.wire import Completion
from miner_server.admission import Admission
from miner_server.answering import Answering
from miner_server.backends.interface import Errand, SeveralWays, models_of
from miner_server.call import Call, json_response
from miner_server.endpoint import Handler
from miner_server.errors import RequestUnfit
from miner_server.limits import Limits, Room
from miner_server.openai.access import Access
from miner_server.openai.admin import Admin, Files
from miner_server.openai.budgets import Budgets, Counting, Headers, tokens_of
from miner_server.openai.embeddings import EmbeddingError, counted, read_texts, written
from miner_server.openai.errors import OPENAI, ApiError
from miner_server.openai.repeats import HEADER, KeptResponse, Repeats
from miner_server.openai.reply import ChatReply, usage
from miner_server.openai.request import Asked, read_asked, require_able

log = logging.getLogger(__name__)

NAME = "openai"
BEARER = "bearer "
ANSWER_S = 300.0
"""An operator's own clients wait longer than validators do: OpenAI's SDK for ten minutes."""

MODEL_WIDTH = 120
NO_SUCH_MODEL = 404
COMMENT = b": waiting for the miners\n\n"
COMMENT_S = 5.0
"""Proxies give up after 15 s and more."""

LOOK_S = 1.0
"""How often an answer under way looks if its key is still valid: one system call."""


class OpenAIDoor:
    """OpenAI's API in front of the backend that answers validators too.

    Plain HTTP is readable on its way: callers at public addresses are served through a proxy that `trusts` names, which
    has TLS, or if the operator allows it.
    """

    def __init__(
        self,
        access: Access,
        answering: Answering,
        admission: Admission,
        limits: Limits,
        room: Room,
        trusts: Callable[[str], bool],
    ) -> None:
        self._keys = access.keys
        self._answering = answering
        self._admission = admission
        self._limits = limits
        self._room = room
        self._trusts = trusts
        self._public = access.public
        self._embedder = access.embedder
        self._budgets: Counting = Budgets(access.use) if isinstance(access.use, KeyUse) else access.use
        self._repeats = Repeats()
        self._since = int(time.time())
        files = (
            Files(access.keys, access.use)
            if isinstance(access.keys, ApiKeys) and isinstance(access.use, KeyUse)
            else None
        )
        self._admin = None if files is None else Admin(files, self._admit, self._read, limits.body_bytes)

    def routes(self) -> tuple[tuple[str, str, Handler], ...]:
        """Method, path and handler of each route."""
        return (
            ("GET", "/v1/models", self.models),
            ("GET", "/v1/models/{model:path}", self.model),
            ("POST", "/v1/chat/completions", self.chat),
            ("POST", "/v1/embeddings", self.embeddings),
            *(self._admin.routes() if self._admin is not None else ()),
        )

    @property
    def trouble(self) -> str:
        """What the operator has to know about the keys; "" if all is well."""
        if self._keys.trouble:
            return f"{self._keys.trouble}; the keys read last stay valid"
        if self._budgets.trouble:
            return self._budgets.trouble
        return "" if len(self._keys) else "no key opens OpenAI's API yet: 'subnet-console keys add NAME' makes one"

    def close(self) -> None:
        """Write down what the keys have used."""
        try:
            self._budgets.close()
        except KeyFileError as error:
            log.error("what keys used is not written down: %s", error)

    async def models(self, call: Call) -> Response:
        """The models that can be asked for, those of the backends first."""
        key = await self._admit(call)
        listed = {"object": "list", "data": [self._model(name) for name in self._names()]}
        return json_response(listed)._replace(headers=self._budgets.headers(key))

    async def model(self, call: Call) -> Response:
        await self._admit(call)
        name = call.scope["path_params"]["model"]
        self._require_model(name, self._names())
        return json_response(self._model(name))

    async def chat(self, call: Call) -> Response:
        key = await self._admit(call)
        raw = await self._read(call)
        asked = read_asked(raw, self._limits.body_bytes)
        repeat = call.header(HEADER)
        if repeat is None:
            return (await self._answered(asked, call, key)).now
        reply, is_known = await self._repeats.once(
            (key.name, repeat),
            raw + b"\0" + (call.header(b"x-subnet-mode") or "").encode(),
            lambda: self._answered(asked, call, key),
            lambda: call.patience(ANSWER_S),
        )
        if is_known:
            self._budgets.give_back(key)
        return reply

    async def _answered(self, asked: Asked, call: Call, key: ApiKey) -> KeptResponse:
        """By the first of the models that were named which does not fail."""
        *before, last = (asked.model, *asked.others)
        for name in before:
            try:
                return await self._answered_by(asked.for_model(name), call, key)
            except Refusal as refusal:
                has_begun = call.stream is not None and call.stream.has_begun
                if has_begun or (refusal.status < 500 and refusal.status != NO_SUCH_MODEL):
                    raise
        return await self._answered_by(asked.for_model(last), call, key)

    async def _answered_by(self, asked: Asked, call: Call, key: ApiKey) -> KeptResponse:
        self._answering.require_ready()
        self._require_model(asked.model, models_of(self._answering.backend))
        require_able(self._answering.backend, asked.requests[0])
        if isinstance(self._answering.backend, SeveralWays):
            return await self._send_out(self._answering.backend, asked, call, key)
        call.gate = "backend"
        reply = ChatReply(asked, self._budgets.headers(key))
        completions: Sequence[Completion] = ()
        try:
            async with self._while_valid(call):
                completions = await self._complete(asked, call, reply)
        finally:
            self._budgets.charge(key, tokens_of(asked, completions, reply))
        call.tokens = usage(completions)["completion_tokens"]
        if asked.streamed:
            now = Response(reply.rest(completions), EVENT_STREAM, headers=reply.headers)
            return KeptResponse(now, now._replace(body=reply.again(completions)))
        now = Response(reply.whole(completions), headers=self._budgets.headers(key))
        return KeptResponse(now, now)

    async def _send_out(self, backend: SeveralWays, asked: Asked, call: Call, key: ApiKey) -> KeptResponse:
        """Have a request answered in the way that it names; the reply says how."""
        if len(asked.requests) > 1:
            raise ApiError(400, "one choice a request is given here: ask several times", param="n")
        try:
            errand = backend.errand(call.header, asked.model, key, asked.streamed)
        except RequestUnfit as error:
            raise ApiError(400, str(error)) from None
        call.gate = "backend"
        limits = self._budgets.headers(key)
        reply = ChatReply(asked, limits)
        completions: Sequence[Completion] = ()

        def tell(text: str, logprobs: Sequence[dict[str, Any]] = (), /) -> None:
            if call.stream is not None:
                call.stream.put(reply.piece(0, text, logprobs), EVENT_STREAM, (*errand.headers, *limits))

        waiting = asyncio.create_task(_keep_alive(call, errand, limits)) if asked.streamed else None
        try:
            async with self._while_valid(call):
                completion = await self._answering.answer(
                    asked.requests[0], call, on_text=tell if asked.streamed else None, seconds=ANSWER_S, errand=errand
                )
            completions = (completion,)
        finally:
            self._budgets.charge(key, tokens_of(asked, completions, reply))
            if waiting is not None:
                waiting.cancel()
            if key.keeps_nothing and call.answer is not None:
                call.answer = ""
        if asked.streamed:
            headers = (*errand.headers, *limits)
            now = Response(reply.rest((completion,), errand.told), EVENT_STREAM, headers=headers)
            return KeptResponse(now, now._replace(body=reply.again((completion,), errand.told)))
        now = Response(reply.whole((completion,)), headers=(*errand.headers, *self._budgets.headers(key)))
        return KeptResponse(now, now)

    async def embeddings(self, call: Call) -> Response:
        key = await self._admit(call)
        asked = read_texts(await self._read(call), self._limits.body_bytes)
        if self._embedder is None:
            raise ApiError(404, "there is no encoder here", param="model", code="model_not_found")
        self._require_model(asked.model, (self._embedder.name,))
        call.gate = "backend"
        try:
            with call.patience(ANSWER_S):
                embedded = await self._embedder.embed(asked.texts)
        except TimeoutError:
            raise ApiError(504, "the encoder took too long") from None
        except EmbeddingError as error:
            call.reason = safe(str(error))
            raise ApiError(502, "the encoder failed") from None
        self._budgets.charge(key, counted(asked, embedded))
        return Response(written(asked, embedded), headers=self._budgets.headers(key))

    async def _admit(self, call: Call) -> ApiKey:
        """The key that is borne. Raises Refusal unless it is one of ours, from a place where nobody else can read it,
        and may ask now."""
        call.dialect, call.form, call.gate = NAME, OPENAI, "key"
        if not (self._public or self._trusts(call.peer) or _is_near(call.peer)):
            raise ApiError(
                403,
                "plain HTTP from a public address, where others can read the key: come through a proxy with TLS that "
                "this miner trusts, or have its operator set openai_public",
            )
        key = self._key(call)
        call.bearer = f"key {key.name}"
        call.prove()
        await self._budgets.begin(key)
        return key

    def _key(self, call: Call) -> ApiKey:
        given = _borne(call)
        found = self._keys.find(given) if given else None
        if found is None:
            self._admission.stranger("challenge", call.host, call.route)
            message = "this API key is not valid here" if given else "an API key is needed: Authorization: Bearer KEY"
            raise ApiError(401, message, code="invalid_api_key")
        return found

    @asynccontextmanager
    async def _while_valid(self, call: Call) -> AsyncIterator[None]:
        """Ends the block once its key is no longer valid. Raises ApiError then."""
        given, revoked = _borne(call), False
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        timer: asyncio.TimerHandle

        def look() -> None:
            nonlocal timer, revoked
            if self._keys.is_valid(given) or task is None:
                timer = loop.call_later(LOOK_S, look)
            else:
                revoked = True
                task.cancel()

        timer = loop.call_later(LOOK_S, look)
        try:
            yield
        except asyncio.CancelledError:
            if not revoked or task is None or task.uncancel():
                raise
            raise ApiError(401, "this API key was revoked or has expired", code="invalid_api_key") from None
        finally:
            timer.cancel()

    async def _read(self, call: Call) -> bytes:
        call.gate = "body"
        with self._room.share() as grow:
            raw = await call.read(limit=self._limits.body_bytes, seconds=self._limits.body_s, grow=grow)
        call.gate = "content"
        return raw

    async def _complete(self, asked: Asked, call: Call, reply: ChatReply) -> Sequence[Completion]:
        """The choices, in order. The first that fails ends the others."""
        if len(asked.requests) == 1:
            return [await self._choice(asked, call, reply, 0)]
        working = [asyncio.create_task(self._choice(asked, call, reply, one)) for one in range(len(asked.requests))]
        try:
            return await asyncio.gather(*working)
        finally:
            for task in working:
                task.cancel()
            await asyncio.wait(working)

    async def _choice(self, asked: Asked, call: Call, reply: ChatReply, index: int) -> Completion:
        request = asked.requests[index]
        on_text = partial(self._tell, call, reply, index) if asked.streamed else None
        return await self._answering.answer(request, call, on_text=on_text, seconds=ANSWER_S)

    def _tell(
        self, call: Call, reply: ChatReply, index: int, text: str, logprobs: Sequence[dict[str, Any]] = (), /
    ) -> None:
        if call.stream is not None:
            call.stream.put(reply.piece(index, text, logprobs), EVENT_STREAM, reply.headers)

    def _names(self) -> tuple[str, ...]:
        encoder = () if self._embedder is None else (self._embedder.name,)
        return tuple(filter(None, (*models_of(self._answering.backend), *encoder)))

    def _model(self, name: str) -> dict[str, object]:
        return {"id": safe(name, MODEL_WIDTH), "object": "model", "created": self._since, "owned_by": "subnet-console"}

    def _require_model(self, name: str, names: Sequence[str]) -> None:
        if name not in names:
            raise ApiError(
                404,
                f"there is no model {safe(name, MODEL_WIDTH)!r} here (there are: {', '.join(map(safe, names))})",
                param="model",
                code="model_not_found",
            )


async def _keep_alive(call: Call, errand: Errand, limits: Headers) -> None:
    """Comments in the stream, which clients pass over, for as long as there is no text: proxies and clients take a line
    on which nothing comes for a dead one."""
    while call.stream is not None:
        await asyncio.sleep(COMMENT_S)
        if errand.is_certain or call.stream.has_begun:
            call.stream.put(COMMENT, EVENT_STREAM, (*errand.headers, *limits))


def _borne(call: Call) -> str:
    """The key that a request bears, "" without one."""
    told = call.header(b"authorization") or ""
    return told[len(BEARER) :].strip() if told[: len(BEARER)].lower() == BEARER else ""


def _is_near(host: str) -> bool:
    """Whether an address is of this machine or of a private network."""
    try:
        return not ip_address(host.partition("%")[0]).is_global
    except ValueError:
        return False
