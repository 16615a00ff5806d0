"""The gateway: OpenAI's API in the validator's process, whose backend is the subnet."""

import asyncio
import json
from collections.abc import Callable
from functools import partial
from typing import Any, get_args

import msgspec
from msgspec.structs import replace

from console.errors import ConsoleError
from console.roles.backend_watch import NO_KEYS, BackendWatch
from console.roles.miner import Serving
from console.roles.own_keys import OwnKeys
from console.roles.session import Session
from engine.api_keys import FILE_NAME as KEY_FILE
from engine.api_keys import ApiKey, ApiKeys
from engine.commands import AddKey, RevokeKey
from engine.gateway.desk import Lengthy, NobodyWilling, OrganicError, RequestDesk, RoutedRequest, Unanswerable
from engine.gateway.form import calls_of
from engine.gateway.register import RequestRegister
from engine.key_use import FILE_NAME as USE_FILE
from engine.key_use import KeyUse
from engine.node.part import Part
from engine.settings import Settings
from engine.snapshot import GatewayView, Snapshot
from engine.transport.replay_guard import MemoryNonces
from engine.transport.wire import USAGE_FIELDS, Completion
from engine.values import GatewayMode, Reply, Request, at_port, host_and_port
from miner_server.allowlist import AllowList
from miner_server.backends.interface import OnText
from miner_server.errors import BackendError, BackendUnavailable, RequestTooLong, RequestUnfit
from miner_server.hosts import Proxies
from miner_server.limits import Limits
from miner_server.openai.access import Access
from miner_server.server import MinerServer

SERVICE = "gateway"
OPTION = "--gateway"
MODEL = "subnet"
"""The one model that users ask for; with a mode behind it, such as `subnet-race`, in that mode."""

MODES: tuple[GatewayMode, ...] = get_args(GatewayMode)
MODE_HEADER = b"x-subnet-mode"
ROUND_HEADER = b"x-subnet-round"
MINER_HEADER = b"x-subnet-miner"

CAPACITY = 1024
"""Requests at once: each waits for miners, and costs next to nothing meanwhile."""

CARRIED = frozenset(("stop", "seed", "response_format", "tools", "tool_choice"))
"""What a challenge carries to a miner, in every dialect that has more than a question."""

BYTES_A_TOKEN = 4
"""On average in English text: the count where a miner gives none."""


class Unanswered(RequestUnfit):
    """No miner answered this request as it was asked, which says nothing about the next one."""

    status = 502
    said = "no miner gave a well-formed answer"


class SubnetBackend:
    """A backend that has requests answered by miners. A `Backend`, `Able`, `SeveralModels` and `SeveralWays`."""

    name = "subnet"
    model = MODEL
    models = (MODEL, *(f"{MODEL}-{mode}" for mode in MODES))
    can = CARRIED

    def __init__(self, organic: RequestDesk, usual: GatewayMode, register: RequestRegister | None = None) -> None:
        self._organic = organic
        self._usual = usual
        self._register = register or RequestRegister()

    async def readiness(self) -> str:
        return self._organic.unwilling

    async def complete(
        self, request: Request, *, timeout: float, caller: str = "", on_text: OnText | None = None
    ) -> Completion:
        errand = SubnetErrand(self._organic, self._register, self._usual, caller, streamed=on_text is not None)
        return await errand.complete(request, timeout=timeout, caller=caller, on_text=on_text)

    def errand(self, header: Callable[[bytes], str | None], model: str, key: ApiKey, streamed: bool) -> "SubnetErrand":
        """In the mode that the header names, else that of the model, else that of the key, else the usual one."""
        named = header(MODE_HEADER) or model.removeprefix(MODEL).removeprefix("-") or key.mode or self._usual
        mode = next((one for one in MODES if one == named.strip().lower()), None)
        if mode is None:
            raise RequestUnfit(f"there is no {MODE_HEADER.decode()} {named[:40]!r}: use {', '.join(MODES)}")
        kept = not key.keeps_nothing
        return SubnetErrand(self._organic, self._register, mode, key.name, streamed=streamed, kept=kept)

    async def close(self) -> None:
        await self._organic.close()


class SubnetErrand:
    """One request to the subnet. A `miner_server.backends.interface.Errand`."""

    def __init__(
        self,
        organic: RequestDesk,
        register: RequestRegister,
        mode: GatewayMode,
        key: str,
        *,
        streamed: bool,
        kept: bool = True,
    ) -> None:
        self._organic = organic
        self._register = register
        self._key = key
        self._errand = RoutedRequest(mode, kept=kept)
        self._streamed = streamed

    async def complete(
        self,
        request: Request,
        *,
        timeout: float,  # noqa: ARG002 the round has its own
        caller: str = "",  # noqa: ARG002 no miner learns who asks
        on_text: OnText | None = None,
    ) -> Completion:
        entered = self._register.enter(self._key, self._errand, streamed=self._streamed)

        def hear(text: str) -> None:
            entered.speak()
            if on_text is not None:
                on_text(text)

        try:
            completion = await self._completed(request, hear if on_text is not None else None)
        except asyncio.CancelledError:
            entered.left()
            raise
        except BackendError as error:
            entered.refused(str(error))
            raise
        entered.speak()
        entered.answered(completion.usage["total_tokens"])
        return completion

    async def _completed(self, request: Request, on_text: Callable[[str], None] | None) -> Completion:
        """The answer. Raises BackendError."""
        try:
            reply = await self._organic.answer(self._errand, replace(request, model=""), on_text)
        except Lengthy as error:
            raise too_long(str(error)) from error
        except Unanswerable as error:
            raise RequestUnfit(str(error)) from error
        except NobodyWilling as error:
            raise BackendUnavailable(str(error)) from error
        except OrganicError as error:
            raise Unanswered(str(error)) from error
        except Exception as error:
            raise BackendError(f"{type(error).__name__}, see the log") from error
        return Completion(
            text=reply.text,
            tool_calls=calls_of(reply),
            finish_reason=finish_of(reply),
            usage=usage_of(reply, request),
        )

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """The mode, the round and, where the answer is not streamed, the miner."""
        found = [(MODE_HEADER, self._errand.mode.encode()), (ROUND_HEADER, self._errand.round.encode())]
        if self._errand.uid is not None and not self._streamed:
            found.append((MINER_HEADER, str(self._errand.uid).encode()))
        return tuple(found)

    @property
    def told(self) -> dict[str, Any]:
        return {"subnet": {"miner": self._errand.uid, "round": self._errand.round}}

    @property
    def is_certain(self) -> bool:
        """Other modes may still go on to another miner, in another round."""
        return self._errand.mode == "consensus" and bool(self._errand.round)


def too_long(why: str) -> RequestTooLong:
    """It tells the user how long a request may be, which no backend's words do."""
    error = RequestTooLong(why)
    error.said = f"{RequestTooLong.said}: {why}"
    return error


def finish_of(reply: Reply) -> str:
    """Why it ended, in OpenAI's words: a miner may say anything."""
    if reply.tool_calls:
        return "tool_calls"
    return reply.finish_reason if reply.finish_reason in ("length", "content_filter") else "stop"


def usage_of(reply: Reply, request: Request) -> dict[str, int]:
    """A miner's own count, no more of it than the texts can have; an estimate where it gives none."""
    sent = len(msgspec.json.encode((request.prompt, request.messages, request.tools)))
    longest = max(1, len(reply.text.encode(errors="replace")) + sum(len(json.dumps(one)) for one in reply.tool_calls))
    prompt = min(reply.usage.get("prompt_tokens") or max(1, sent // BYTES_A_TOKEN), sent)
    completion = min(reply.usage.get("completion_tokens") or max(1, longest // BYTES_A_TOKEN), longest)
    return dict(zip(USAGE_FIELDS, (prompt, completion, prompt + completion), strict=True))


class NoSigner:
    """The signer of a server that speaks no dialect, in which alone anything is signed."""

    ss58_address = ""

    def sign(self, data: bytes | str) -> bytes:  # noqa: ARG002
        """Raises RuntimeError."""
        raise RuntimeError("a gateway signs nothing")


def server(
    settings: Settings,
    desk: RequestDesk,
    access: Access,
    host: str,
    port: int,
    option: str,
    register: RequestRegister | None = None,
) -> MinerServer:
    """A gateway's server; `option` names its address."""
    return MinerServer(
        NoSigner(),
        SubnetBackend(desk, settings.gateway_mode, register),
        AllowList(()),
        MemoryNonces(),
        host=host,
        port=port,
        spoken=(),
        limits=Limits(capacity=CAPACITY, queue=CAPACITY, queue_per_caller=CAPACITY),
        access=access,
        proxies=Proxies(settings.trusted_proxies),
        name=SERVICE,
        option=option,
    )


def gateway(session: Session, organic: RequestDesk) -> Part:
    """The door for users' requests, if the operator wants one. Raises `ConsoleError`, `MinerError` and KeyFileError."""
    settings = session.settings
    if not settings.gateway:
        return Part()
    try:
        host, port = host_and_port(settings.gateway)
    except ValueError as error:
        raise ConsoleError(f"{OPTION}: {error}") from error
    keys, use = ApiKeys(session.folder / KEY_FILE), KeyUse(session.folder / USE_FILE)
    access = Access(keys, use, public=settings.openai_public)
    register = RequestRegister(settings.gateway_price)
    serving = Serving(lambda port: server(settings, organic, access, host, port, OPTION, register), port)
    own = OwnKeys(session.folder, keys)
    session.feed.raise_attention(
        "info", SERVICE, f"users' requests are answered at http://{at_port(*serving.address)}/v1"
    )
    return Part(
        services={
            SERVICE: serving,
            "API keys watch": lambda: BackendWatch(lambda: serving.server.keys_trouble, session.feed, NO_KEYS),
        },
        changes={
            AddKey: lambda command: own.add(command.key),
            RevokeKey: lambda command: own.revoke(command.key),
        },
        views=(partial(_shown, serving, settings.gateway_mode, register, own),),
    )


def _shown(
    serving: Serving, mode: GatewayMode, register: RequestRegister, own: OwnKeys, snapshot: Snapshot
) -> Snapshot:
    """The Snapshot with its gateway."""
    seen = serving.server.view()
    view = GatewayView(
        address=seen.address,
        mode=mode,
        ready=seen.ready,
        readiness=seen.readiness,
        requests_total=register.requests,
        tokens_total=register.tokens,
        price_total=register.cost,
        requests=register.view(),
        keys=own.view(),
    )
    return replace(snapshot, gateway=view)
