"""The nouns of the field, as frozen values: what crosses from one room to another.

Times called `at`, `created_at` or `…_at` are unix seconds (UTC); durations in `ms` are milliseconds. A hotkey or
coldkey is an ss58 address. Texts are raw, as they came in: each door (feed, CSV, log, screen) cleans them with
`engine.text.safe` on the way out. Each subject has a module here.
"""

from engine.values.peer import Peer, at_port, host_and_port
from engine.values.quantity import RAO, U16_MAX, At, Finite, Natural, Tokens, max_upscale, percentile
from engine.values.round import (
    OF_USERS,
    AnswerType,
    Challenge,
    Counted,
    GatewayMode,
    IfDeregistered,
    Judgement,
    Level,
    Likeness,
    Reply,
    ReplyStatus,
    Request,
    Round,
    ScoringProfile,
    Source,
    Verdict,
)
from engine.values.subnet import (
    EMBEDDED,
    WENT_WELL,
    Consensus,
    Guard,
    Hyperparameters,
    Kin,
    Metagraph,
    Neuron,
    Outcome,
    OutcomeStatus,
    Subnet,
    WeightCommit,
)

__all__ = [
    "EMBEDDED",
    "OF_USERS",
    "RAO",
    "U16_MAX",
    "WENT_WELL",
    "AnswerType",
    "At",
    "Challenge",
    "Consensus",
    "Counted",
    "Finite",
    "GatewayMode",
    "Guard",
    "Hyperparameters",
    "IfDeregistered",
    "Judgement",
    "Kin",
    "Level",
    "Likeness",
    "Metagraph",
    "Natural",
    "Neuron",
    "Outcome",
    "OutcomeStatus",
    "Peer",
    "Reply",
    "ReplyStatus",
    "Request",
    "Round",
    "ScoringProfile",
    "Source",
    "Subnet",
    "Tokens",
    "Verdict",
    "WeightCommit",
    "at_port",
    "host_and_port",
    "max_upscale",
    "percentile",
]
