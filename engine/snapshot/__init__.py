"""What the engine publishes: one frozen `Snapshot`, replaced as a whole, and the events that led to it.

Plain data all the way down, so that it also crosses a socket (`msgspec.json.encode`). Texts from outside are already
cleaned (`engine.text.safe`) when they get here. Each subject has a module here.
"""

from typing import Literal

from msgspec import Struct

from engine.snapshot.chain_view import ChainView, EndpointView, NeedView
from engine.snapshot.gateway_view import GatewayView, UserKeyView, UserRequestState, UserRequestView
from engine.snapshot.log_view import LogLine, LogTail
from engine.snapshot.round_view import (
    CellState,
    CellView,
    JudgingView,
    MinerState,
    MinerView,
    RoundProgress,
    RoundView,
    Suspicion,
)
from engine.snapshot.run_view import (
    About,
    AboutKind,
    Attention,
    Batch,
    CommandView,
    Event,
    LoopView,
    ReplayView,
    Role,
    ServiceState,
    ServiceView,
)
from engine.snapshot.server_view import (
    BackendView,
    CallerView,
    GpuView,
    QuotaRule,
    RefusalView,
    RequestView,
    ServerView,
    SessionView,
)
from engine.snapshot.subnet_view import NeuronView, SubnetView, ValidatorView
from engine.snapshot.sybil_view import PenaltyRule, PenaltyState, PenaltyView, SuspectsView, SybilView
from engine.snapshot.weight_view import CommitView, NextPlanView, PlanView, SetterView
from engine.values import Guard, Metagraph, ReplyStatus

__all__ = [
    "About",
    "AboutKind",
    "Attention",
    "BackendView",
    "Batch",
    "CallerView",
    "CellState",
    "CellView",
    "ChainView",
    "CommandView",
    "CommitView",
    "EndpointView",
    "Event",
    "GatewayView",
    "GpuView",
    "JudgingView",
    "LogLine",
    "LogTail",
    "LoopView",
    "MinerState",
    "MinerView",
    "NeedView",
    "NeuronView",
    "NextPlanView",
    "PenaltyRule",
    "PenaltyState",
    "PenaltyView",
    "PlanView",
    "QuotaRule",
    "RefusalView",
    "ReplayView",
    "RequestView",
    "Role",
    "RoundProgress",
    "RoundView",
    "ServerView",
    "ServiceState",
    "ServiceView",
    "SessionView",
    "SetterView",
    "Snapshot",
    "SubnetView",
    "SuspectsView",
    "Suspicion",
    "SybilView",
    "UserKeyView",
    "UserRequestState",
    "UserRequestView",
    "ValidatorView",
]


class Snapshot(Struct, frozen=True, kw_only=True):
    """Everything that a screen shows of a running engine, at one instant; with a `replay`, of an earlier one.

    The role "watch" has no key, and looks at a subnet.

    `rounds_done` are those of this run, `rounds_recorded` those in the store, of earlier runs as well,
    `rounds_unstored` those that wait for it or are lost; `record_gone` says what was deleted or replaced under the run.
    `replies` counts those that came in this run by their status.
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
    last_asked: RoundProgress | None = None
    next_round_at: float | None = None
    rounds_done: int = 0
    rounds_recorded: int = 0
    rounds_unstored: int = 0
    record_gone: str = ""
    replies: dict[ReplyStatus, int] = {}
    judging: JudgingView = JudgingView()
    rounds: tuple[RoundView, ...] = ()
    miners: tuple[MinerView, ...] = ()
    plans: tuple[PlanView, ...] = ()
    next_plan: NextPlanView | None = None
    setter: SetterView | None = None
    commands: tuple[CommandView, ...] = ()
    attention: tuple[Attention, ...] = ()
    server: ServerView | None = None
    gateway: GatewayView | None = None
    sybil: SybilView | None = None
    replay: ReplayView | None = None
