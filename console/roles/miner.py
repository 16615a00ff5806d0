"""A miner: one server in front of a backend, its address on chain, its callers the subnet's validators."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from msgspec.structs import replace
from prometheus_client import Metric
from prometheus_client.registry import Collector

from console.roles.active_hotkeys import ActiveHotkeys
from console.roles.backend_watch import FEWER_BACKENDS, NO_KEYS, BackendWatch
from console.roles.embedding import SettingsEncoder
from console.roles.metrics_door import metrics_door
from console.roles.session import Session
from engine.api_keys import FILE_NAME as KEY_FILE
from engine.api_keys import ApiKeys
from engine.chain.wallets import Wallet
from engine.commands import BlockCaller, LetInCaller, ResetPeaks, Serve, UnblockCaller
from engine.feed import Feed
from engine.key_use import FILE_NAME as USE_FILE
from engine.key_use import KeyUse
from engine.node.axons import Axon, Axons
from engine.node.part import Part
from engine.settings import Settings
from engine.snapshot import GpuView
from engine.transport.challenge_api import ChallengeApi
from engine.transport.kept_keys import KeptKeys
from engine.transport.replay_guard import SteadyNonces
from engine.values import Metagraph, Outcome
from miner_server.allowlist import AllowList
from miner_server.backends.interface import Backend
from miner_server.backends.registry import open_backend
from miner_server.gpus import Gpus
from miner_server.hosts import Proxies
from miner_server.limits import Limits
from miner_server.openai.access import Access
from miner_server.operator_lists import OperatorLists
from miner_server.pool import Member, Pool
from miner_server.quotas import Quotas
from miner_server.server import Doorway, MinerServer


class Serving:
    """A factory of servers, one at a time: a server that has ended has closed its backend.

    `make` is given the port, which is the operator's the first time and from then on the one that was taken. The
    first server has its address from the beginning. Raises `MinerError`.
    """

    def __init__(self, make: Callable[[int], MinerServer], port: int) -> None:
        self._make = make
        self._is_new = True
        self.server = make(port)
        self.server.bind()

    @property
    def address(self) -> tuple[str, int]:
        return self.server.address

    def __call__(self) -> MinerServer:
        """The server for the next start."""
        if not self._is_new:
            self.server = self._make(self.address[1])
        self._is_new = False
        return self.server


class ServerMetrics(Collector):
    """The metrics of whichever server is the present one."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving

    def collect(self) -> Iterator[Metric]:
        return self._serving.server.metrics()


SERVER = "miner server"
ANYWHERE = ("0.0.0.0", "::")
LOOPBACK = "127.0.0.1"
HANDSHAKES = "handshakes"


async def run(session: Session, doorway: Doorway | None = None) -> None:
    """Run a miner until it is stopped, behind a `doorway` if another server listens for it."""
    settings = session.settings
    await session.join(session.wallet)
    allow = allow_list(session)
    own = OperatorLists(session.folder, allow)
    gpus = Gpus()
    backend = partial(backend_of, settings)
    serving = serve(
        session, session.wallet, backend, allow, settings.host, settings.port, doorway=doorway, gpus=gpus.view
    )
    server = Part(
        services={
            SERVER: serving,
            "GPU watch": lambda: gpus,
            "backend watch": lambda: BackendWatch(lambda: serving.server.trouble, session.feed),
            **_more_watches(session, serving),
        },
        changes={
            BlockCaller: lambda command: own.block(command.hotkey),
            UnblockCaller: lambda command: own.unblock(command.hotkey),
            LetInCaller: lambda command: own.let_in(command.hotkey),
        },
        handlers={ResetPeaks: partial(_reset_peaks, serving, gpus)},
        views=(lambda snapshot: replace(snapshot, server=serving.server.view()),),
        on_metagraph=(permits_of(allow, while_registered=session.chain.hotkey),),
    )
    door = metrics_door(settings.metrics, session.feed, ServerMetrics(serving))
    await session.node(server, active_hotkeys(session, allow), await announced(session, serving), door).run(
        until=SERVER
    )


async def _reset_peaks(serving: Serving, gpus: Gpus, _: ResetPeaks) -> Outcome:
    serving.server.reset_peaks()
    gpus.reset_peaks()
    return Outcome(status="ok")


def _more_watches(session: Session, serving: Serving) -> dict[str, Callable[[], BackendWatch]]:
    """Of what only some miners have: several backends, and keys."""
    watches: dict[str, Callable[[], BackendWatch]] = {}
    if session.settings.more_backends:
        watches["backends watch"] = lambda: BackendWatch(
            lambda: serving.server.backends_trouble, session.feed, FEWER_BACKENDS
        )
    if session.settings.openai:
        watches["API keys watch"] = lambda: BackendWatch(lambda: serving.server.keys_trouble, session.feed, NO_KEYS)
    return watches


async def announced(session: Session, serving: Serving) -> Part:
    """Publishes the server's address on chain and keeps it there; a read-only run leaves it as it is.

    On a real network others reach the server at an address that it cannot know: the operator names it with
    `external_ip`, or announces it, once, and it stays as it is on chain.
    """
    settings = session.settings
    if settings.read_only:
        return Part()
    own = axon_of(session.wallet, serving, settings.external_ip, settings.external_port)
    is_named = session.sandbox is not None or bool(settings.external_ip)
    axons = Axons(session.chain, [replace(own, kept=is_named)], session.feed)
    await axons.announce()
    return Part(
        changes={Serve: partial(axons.serve, session.wallet.hotkey.ss58_address)}, services={"axon": lambda: axons}
    )


def allow_list(session: Session, *more: str) -> AllowList:
    """Who may call our miners, by the operator's settings; `more` are added to the operator's own list."""
    settings = session.settings
    return AllowList(
        (*settings.allow, *more),
        min_stake=settings.min_stake,
        open_until_listed=settings.open_until_listed,
        share_stake=settings.quota_min_stake,
        own=session.wallet.hotkey.ss58_address if settings.role == "miner" else "",
    )


def active_hotkeys(session: Session, allow: AllowList) -> Part:
    """Lets a Challenge API's active hotkeys call too, if the operator names one."""
    settings = session.settings
    if not settings.challenge_api:
        return Part()
    api = ChallengeApi(settings.challenge_api, session.wallet.hotkey, key=settings.challenge_api_key)
    return Part(services={"active hotkeys": lambda: ActiveHotkeys(api, allow, session.feed)})


def permits_of(allow: AllowList, *, while_registered: str = "") -> Callable[[Metagraph], None]:
    """Sets an allow-list's permit holders and stakes from each new metagraph.

    The subnet's validators are not served while one of the named hotkeys has no uid on it: nobody would pay for it.
    """

    def hear(metagraph: Metagraph) -> None:
        works = not while_registered or metagraph.by_hotkey(while_registered) is not None
        allow.set_neurons(metagraph.neurons if works else ())

    return hear


def backend_of(settings: Settings) -> Backend:
    """The configured backend, or all of them as one. Raises `MinerError`."""
    more = [spec.parts for spec in settings.more_backends]
    opened = partial(
        open_backend,
        model_path=settings.model_path,
        context=settings.backend_context,
        reasoning_is_answer=settings.reasoning_is_answer,
        tries_again=not more,
    )
    first = opened(
        settings.backend,
        base_url=settings.backend_url or None,
        api_key=settings.api_key or None,
        model=settings.backend_model or None,
    )
    if not more:
        return first
    members = [Member(first, f"{settings.backend} {settings.backend_url}".strip())]
    for name, url, model in more:
        backend = opened(name, base_url=url or None, api_key=settings.more_api_key or None, model=model or None)
        members.append(Member(backend, f"{name} {url}".strip()))
    return Pool(members)


def access_of(session: Session) -> Access | None:
    """The access to OpenAI's API, if the operator wants one. Raises KeyFileError."""
    settings = session.settings
    if settings.role != "miner" or not settings.openai:
        return None
    keys, use = ApiKeys(session.folder / KEY_FILE), KeyUse(session.folder / USE_FILE)
    return Access(keys, use, SettingsEncoder(settings), settings.openai_public)


def serve(
    session: Session,
    wallet: Wallet,
    backend: Callable[[], Backend],
    allow: AllowList,
    host: str,
    port: int,
    *,
    doorway: Doorway | None = None,
    gpus: Callable[[], Sequence[GpuView]] = tuple,
) -> Serving:
    """A wallet's server, already bound to its address unless it is behind a `doorway`. Raises `MinerError`."""
    settings = session.settings
    nonces = SteadyNonces(session.store.nonces, tell=partial(_tell_of_nonces, session.feed))

    def make(port: int) -> MinerServer:
        return MinerServer(
            wallet.hotkey,
            backend(),
            allow,
            nonces,
            host=host,
            port=port,
            limits=Limits(
                capacity=settings.max_concurrency,
                queue=settings.queue_limit,
                queue_per_caller=settings.queue_per_caller,
            ),
            quotas=Quotas(
                allow,
                total=settings.quota_requests,
                period=settings.quota_period,
                applied=settings.quotas == "apply",
            ),
            key_ttl=settings.key_ttl,
            handshake_window=settings.handshake_window,
            unproven=settings.loosh_plain,
            kept=KeptKeys(session.folder, wallet.hotkey.ss58_address) if settings.role == "miner" else None,
            access=access_of(session),
            per_hour=settings.cost_per_hour,
            gpus=gpus,
            proxies=Proxies(settings.trusted_proxies),
            doorway=doorway,
            name=wallet.name,
        )

    return Serving(make, port)


def _tell_of_nonces(feed: Feed, reason: str) -> None:
    """Report that the store takes no writes, for this reason, or takes them again."""
    if reason:
        feed.hold_attention("warning", HANDSHAKES, f"kept only in memory while the store cannot be written: {reason}")
    else:
        feed.settle(HANDSHAKES, "the store can be written again, and now holds those that it missed")


def axon_of(wallet: Wallet, serving: Serving, ip: str = "", port: int = 0) -> Axon:
    """Where others reach this server: at this address from outside, else where it listens on this machine."""
    host, bound = serving.address
    near = LOOPBACK if host in ANYWHERE else host
    return Axon(wallet.hotkey, ip or near, port or bound, near=(near, bound))
