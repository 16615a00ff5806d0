"""What the engine publishes: one frozen `Snapshot`, replaced as a whole, and the events that led to it.

Plain data all the way down, so that it also crosses a socket (`msgspec.json.encode`). Texts from outside are already
cleaned (`engine.text.safe`) when they get here.
"""

from typing import Any, Literal

from msgspec import Struct

from engine.values import Guard, Level, Metagraph


class CallerView(Struct, frozen=True, kw_only=True):
    """A caller of this miner server and how its requests went. `host` and `dialect` are those of the last one.

    `standing` is why it is allowed or not, in a word. `stake` in tokens. It has `consumed` so many challenges of its
    `quota` in this period, None for a caller without one.
    """

    hotkey: str
    allowed: bool
    requests: int
    ok: int
    p50_ms: float
    last_at: float
    last_refusal: str = ""
    host: str = ""
    dialect: str = ""
    standing: str = ""
    stake: float = 0.0
    consumed: int = 0
    quota: int | None = None


class RefusalView(Struct, frozen=True, kw_only=True):
    """Requests that were turned down at one `gate` with one status and reason; `hotkey` and `host` are the last one's.

    `dialect` is "" for what turned out to speak none.
    """

    gate: str
    status: int
    reason: str
    dialect: str
    count: int
    hotkey: str
    host: str
    last_at: float


class SessionView(Struct, frozen=True, kw_only=True):
    """A symmetric key that a validator exchanged with us."""

    hotkey: str
    key_uuid: str
    created_at: float
    expires_at: float


class RequestView(Struct, frozen=True, kw_only=True):
    """One request to the miner server: `status` is the HTTP code, `reason` why it was refused, and `gate` where.

    `dialect` is the name of the one that it was made in, "" for none.
    Of the `registration_cost`, the part `registration_locked` stays with the hotkey. `price` is that of one unit of the
    subnet's stake, in tokens.
    """

    at: float
    hotkey: str
    route: str
    bytes_in: int
    status: int
    ms: float
    reason: str = ""
    answer: str = ""
    tokens: int = 0
    dialect: str = ""
    gate: str = ""
    host: str = ""


class ServerView(Struct, frozen=True, kw_only=True):
    """The miner server: its load, callers, sessions, the operator's own lists, and the last requests, newest last.

    `refusals` are all since it was started, the most frequent first.
    """

    address: str = ""
    backend: str = ""
    model: str = ""
    ready: bool = False
    readiness: str = ""
    in_flight: int = 0
    capacity: int = 0
    queued: int = 0
    queue_limit: int = 0
    requests_total: int = 0
    statuses: dict[int, int] = {}
    p50_ms: float = 0.0
    p95_ms: float = 0.0
    tokens_total: int = 0
    callers: tuple[CallerView, ...] = ()
    blocked: tuple[str, ...] = ()
    let_in: tuple[str, ...] = ()
    refusals: tuple[RefusalView, ...] = ()
    sessions: tuple[SessionView, ...] = ()
    requests: tuple[RequestView, ...] = ()


Role = Literal["demo", "miner", "validator"]

ServiceState = Literal["starting", "running", "backing_off", "stopped", "failed"]
PenaltyRule = Literal["off", "show", "apply"]
QuotaRule = Literal["show", "apply"]
PenaltyState = Literal["off", "shown", "planned", "applied", "held", "spared"]
"""What becomes of a suspect: nothing; shown and no more; planned from the next window on; in this one's weights; held
back by the operator; spared by the bound."""

MinerState = Literal["active", "stale", "silent", "deregistered"]
Suspicion = Literal["", "copies", "as one"]
"""The verdict on a miner: none, it copies another, or it belongs to a sybil group ("as one", as status.json has
spelled it from the start)."""


class Event(Struct, frozen=True):
    """Something that happened. `name` and `fields` are those of a line of `launch --no-ui`, or of the screens' own."""

    seq: int
    at: float
    name: str
    fields: dict[str, Any] = {}


class ServiceView(Struct, frozen=True, kw_only=True):
    """One supervised service: its state and since when, how often it was restarted, and the last reason."""

    name: str
    state: ServiceState
    since: float
    restarts: int = 0
    reason: str = ""


class NeedView(Struct, frozen=True):
    """What a neuron lacks to earn (funds, registration, axon, permit), what is known of it, and what to do."""

    need: str
    what: str
    do: str

    def __str__(self) -> str:
        """All of it in a line."""
        return f"{self.need}: {self.what}. {self.do}"


class ChainView(Struct, frozen=True, kw_only=True):
    """The chain as this neuron sees it. Blocks are heights; `block_at` is when the last one was seen.

    On a subnet whose commits are `timelocked`, none can be made here for the reason `cannot_seal`, "" for none.
    `needs` are what it lacks to earn, first things first.
    """

    endpoint: str = ""
    network: str = ""
    netuid: int = 0
    reachable: bool = False
    block: int = 0
    block_at: float = 0.0
    block_time: float = 12.0
    latency_ms: float = 0.0
    tempo: int = 0
    next_epoch: int = 0
    uid: int | None = None
    registered: bool = False
    validator_permit: bool = False
    stake: float = 0.0
    balance: float = 0.0
    validator_trust: float = 0.0
    incentive: float = 0.0
    dividends: float = 0.0
    axon: str = ""
    weights_rate_limit: int = 0
    last_weights_block: int = 0
    next_weights_block: int = 0
    commit_reveal: bool = False
    reveal_period: int = 1
    timelocked: bool = False
    cannot_seal: str = ""
    registration_cost: float = 0.0
    needs: tuple[NeedView, ...] = ()
    registration_locked: float = 0.0
    registration_open: bool = True
    registration_by_work: bool = False
    next_axon_block: int = 0
    price: float = 0.0

    @property
    def known(self) -> bool:
        """Whether the chain was read at least once."""
        return bool(self.network)


class NeuronView(Struct, frozen=True, kw_only=True):
    """A neuron on its subnet. `stake` counts for permits, with the part `inherited`; `emission` is alpha a day.

    `place` is by incentive among those outside immunity, from 1, and 0 in it, for `immune` more blocks. `others` is the
    share that the other validators give it, weighed by their stake, and `ours` what we do. `owners`: it belongs to the
    subnet's owner, whose part is burned. It has so many `parents` that it earns for, keeping its `take`, and
    `children`.
    """

    uid: int
    hotkey: str
    name: str = ""
    owners: bool = False
    validator: bool = False
    stake: float = 0.0
    inherited: float = 0.0
    children: int = 0
    parents: int = 0
    take: float = 0.0
    incentive: float = 0.0
    place: int = 0
    immune: int = 0
    emission: float = 0.0
    collateral: float = 0.0
    drain: float = 1.0
    others: float = 0.0
    ours: float = 0.0
    axon: bool = False


class ValidatorView(Struct, frozen=True, kw_only=True):
    """A validator and its weights.

    `clipped` is the part of its weights that no majority of the stake supports, which the chain cuts off; `trust` is
    what it left at the last epoch. From the weights of the validators that are `nearest` and `farthest`, so much of all
    weight is apart. It set or committed last `quiet` blocks ago, and gives `top` most.
    """

    uid: int
    hotkey: str
    name: str = ""
    stake: float = 0.0
    inherited: float = 0.0
    trust: float = 0.0
    quiet: int = 0
    given: int = 0
    clipped: float = 0.0
    nearest: int | None = None
    nearest_apart: float = 0.0
    farthest: int | None = None
    farthest_apart: float = 0.0
    top: int | None = None


class SubnetView(Struct, frozen=True, kw_only=True):
    """The whole subnet as it stands on chain.

    A registration costs `price` tokens, of which `locked` stay with the hotkey; `trend` holds earlier prices as (block,
    price). `burned` of the miners' emission was burned at the last epoch; of all incentive, `owners` goes to the
    owner's hotkeys, and `children` to hotkeys that validate for others. `lowest` are the uids that give way next.
    """

    name: str = ""
    owner_hotkey: str = ""
    consensus: str = "yuma"
    mechanisms: int = 1
    max_uids: int = 0
    price: float = 0.0
    locked: float = 0.0
    trend: tuple[tuple[int, float], ...] = ()
    registration: bool = True
    pow_registration: bool = False
    alpha_price: float = 0.0
    burned: float = 0.0
    owners: float = 0.0
    children: float = 0.0
    lowest: tuple[int, ...] = ()
    neurons: tuple[NeuronView, ...] = ()
    validators: tuple[ValidatorView, ...] = ()

    def neuron(self, uid: int | None) -> NeuronView | None:
        """The neuron of this uid."""
        return self.neurons[uid] if uid is not None and uid < len(self.neurons) else None


class RoundProgress(Struct, frozen=True, kw_only=True):
    """The round in flight."""

    id: str
    kind: str
    asked: int
    answered: int
    failed: int
    started_at: float


class RoundView(Struct, frozen=True, kw_only=True):
    """One finished round as a table row. `clusters` holds the size of each, largest first."""

    id: str
    at: float
    kind: str
    source: str
    profile: str
    asked: int
    answered: int
    clusters: tuple[int, ...]
    agreement: float
    winner_uid: int | None
    winner_hotkey: str | None
    p50_ms: float
    p95_ms: float
    duration_ms: float
    recorded: bool
    scored: bool = True


class MinerView(Struct, frozen=True, kw_only=True):
    """One miner as a table row. `weight` is on chain, `planned` what the next plan would set; both sum to 1.

    `stake` and `incentive` are None where nobody knows them, as in a record of the past. `dialect` is that in which it
    is asked, "" while that is not known.
    """

    uid: int
    hotkey: str
    name: str
    stake: float | None = 0.0
    ema: float = 0.0
    ema_before: float = 0.0
    ema_history: tuple[float, ...] = ()
    last_emission: float = 0.0
    weight: float = 0.0
    planned: float = 0.0
    incentive: float | None = 0.0
    rounds: int = 0
    answered: int = 0
    failed: int = 0
    latency_ms: float = 0.0
    last_answer_at: float = 0.0
    available: bool | None = None
    state: MinerState = "silent"
    suspected: Suspicion = ""
    note: str = ""
    dialect: str = ""


class PlanView(Struct, frozen=True, kw_only=True):
    """One row of the journal of weights."""

    at: float
    block: int
    mode: str
    uids: tuple[int, ...]
    weights_u16: tuple[int, ...]
    outcome: str
    reason: str


class CommitView(Struct, frozen=True, kw_only=True):
    """Weights that are committed to since `block`, and may be revealed between two other blocks.

    The chain itself reveals those that are `timelocked`.
    """

    block: int
    reveal_from: int
    reveal_until: int
    timelocked: bool = False


class SetterView(Struct, frozen=True, kw_only=True):
    """What sets the weights: it sends nothing by itself before `next_block`, waits for `what`, and why; its commits."""

    next_block: int
    what: str
    reason: str
    commits: tuple[CommitView, ...] = ()


class SuspectsView(Struct, frozen=True, kw_only=True):
    """A sybil group or a pair of suspects, with the evidence in words. Those copied are not suspected."""

    hotkeys: tuple[str, ...]
    uids: tuple[int, ...]
    copied_uids: tuple[int, ...] = ()
    suspicion: float
    evidence: tuple[str, ...]


class PenaltyView(Struct, frozen=True, kw_only=True):
    """What becomes of one suspect: `takes` is the share of its score that the penalty takes, or would take."""

    hotkey: str
    uid: int
    takes: float
    state: PenaltyState


class SybilView(Struct, frozen=True, kw_only=True):
    """Sybil groups after `rounds` rounds, the most suspect first; `pairs` hold hints as well.

    `suspicion` is by hotkey, 0..1; from `verdict` on there is a penalty in question, of at most a `share` of the miners
    at once. In a record nobody knows the `rule` and the share, and of what was known before its last round only the
    penalties that were set on chain: `rounds` is 0 then.
    """

    rule: PenaltyRule | None = None
    share: float = 0.0
    rounds: int
    verdict: float
    groups: tuple[SuspectsView, ...] = ()
    pairs: tuple[SuspectsView, ...] = ()
    suspicion: dict[str, float] = {}
    penalties: tuple[PenaltyView, ...] = ()


class CommandView(Struct, frozen=True, kw_only=True):
    """One line of the command log: what was asked of the chain or the engine, and what became of it.

    `id` is that under which it was submitted, "" in a line of an earlier run.
    """

    at: float
    name: str
    detail: str
    outcome: str
    reason: str
    id: str = ""


class Attention(Struct, frozen=True, kw_only=True):
    """Something that needs a person. The same (subject, text) is counted, not repeated."""

    id: int
    at: float
    level: Level
    subject: str
    text: str
    count: int = 1
    acknowledged: bool = False


class LoopView(Struct, frozen=True, kw_only=True):
    """How late the engine's loop runs, over the last minute."""

    p50_ms: float = 0.0
    p99_ms: float = 0.0


class ReplayView(Struct, frozen=True, kw_only=True):
    """Where a Snapshot of the past lies: after round `place` of the `total` that are recorded.

    `first_at` and `last_at` are when the first and the last were asked; `pace` is how fast it goes on while it plays.
    `folder` is the one that is shown, of which `data_dir` may hold a copy that can be read.
    """

    folder: str
    place: int
    total: int
    first_at: float
    last_at: float
    pace: str = "1x"
    playing: bool = False


class Snapshot(Struct, frozen=True, kw_only=True):
    """Everything that a screen shows of a running engine, at one instant; with a `replay`, of an earlier one.

    The role "watch" has no key, and looks at a subnet.

    `rounds_done` are those of this run, `rounds_recorded` those in the store, of earlier runs as well,
    `rounds_unstored` those that wait for it or are lost; `record_gone` says what was deleted or replaced under the run.
    """

    at: float
    version: str
    role: Role | Literal["watch"]
    started_at: float
    hotkey: str = ""
    data_dir: str = ""
    scoring: str = ""
    encoder: str = ""
    seed: int | None = None
    read_only: bool = False
    paused: bool = False
    auto_weights: bool = True
    services: tuple[ServiceView, ...] = ()
    loop: LoopView = LoopView()
    chain: ChainView = ChainView()
    metagraph: Metagraph | None = None
    subnet: SubnetView | None = None
    coldkey: Guard = ""
    progress: RoundProgress | None = None
    next_round_at: float | None = None
    rounds_done: int = 0
    rounds_recorded: int = 0
    rounds_unstored: int = 0
    record_gone: str = ""
    rounds: tuple[RoundView, ...] = ()
    miners: tuple[MinerView, ...] = ()
    plans: tuple[PlanView, ...] = ()
    setter: SetterView | None = None
    commands: tuple[CommandView, ...] = ()
    attention: tuple[Attention, ...] = ()
    server: ServerView | None = None
    sybil: SybilView | None = None
    replay: ReplayView | None = None
