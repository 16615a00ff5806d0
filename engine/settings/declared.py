"""Every setting: its default, unit, bounds and what it is for. Help, errors and `config init` are made from this.

A setting has one name: `challenge_timeout` in a file, `SUBNET_CONSOLE_CHALLENGE_TIMEOUT` in the environment,
`--challenge-timeout` where it is an option.
"""

from pathlib import Path
from typing import Annotated, Literal, Self

from msgspec import Meta, Struct, field

from engine.folders import data_home
from engine.redaction import know
from engine.snapshot import PenaltyRule, Role
from engine.values import Peer

LogLevel = Literal["debug", "info", "warning", "error", "critical"]
ScoringProfile = Literal["robust", "loosh"]
BackendName = Literal["scripted", "openai", "ollama", "vllm", "llamacpp"]
OnHangup = Literal["continue", "stop"]
Aggregation = Literal["exponential", "windowed"]

MAX_SECONDS = 86_400 * 366


class Secret(str):
    """A text that does not show itself where values are printed, and is known from then on to be hidden elsewhere."""

    __slots__ = ()

    def __new__(cls, text: str = "") -> Self:
        know(text)
        return super().__new__(cls, text)

    def __repr__(self) -> str:
        return "******" if self else "''"


class Addresses(str):
    """An IP address or a network of them, as in `10.0.0.0/8`."""

    __slots__ = ()


def _text(form: str, pattern: str) -> Meta:
    """`form` says in words what `pattern` demands."""
    return Meta(pattern=pattern, extra={"form": form})


def _is(description: str, unit: str = "") -> Meta:
    return Meta(extra={"description": description, "unit": unit})


Seconds = Annotated[float, Meta(gt=0, le=MAX_SECONDS)]
Port = Annotated[int, Meta(ge=0, le=65_535)]
Netuid = Annotated[int, Meta(ge=0, le=65_535)]
Seed = Annotated[int, Meta(ge=0, lt=2**32)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Share = Annotated[float, Meta(gt=0, le=1)]
Network = Annotated[
    str, _text("embedded, finney, test, local, or a ws:// or wss:// URL", r"^(embedded|finney|test|local|wss?://\S+)\Z")
]
Encoder = Annotated[
    str,
    _text(
        "minilm, bow, hashing, sentence-transformers:MODEL or openai:MODEL",
        r"^(minilm|bow|hashing|(sentence-transformers|openai):\S+)\Z",
    ),
]
Device = Annotated[str, _text("auto, cpu, cuda or cuda:N", r"^(auto|cpu|cuda(:\d{1,3})?)\Z")]
Url = Annotated[str, _text("an http:// or https:// URL", r"^(https?://\S+)?\Z")]
Host = Annotated[str, _text("a host name or an address", r"^\S+\Z")]


class Settings(Struct, frozen=True, kw_only=True):
    """The settings of one run, every one of them with its value."""

    role: Annotated[Role, _is("what runs: the demo subnet, a miner or a validator")] = "demo"
    data_dir: Annotated[Path, _is("the folder of everything that is kept: store, keys, logs")] = field(
        default_factory=data_home
    )
    read_only: Annotated[bool, _is("send nothing to the chain")] = False
    on_hangup: Annotated[OnHangup, _is("what to do when the terminal goes away")] = "continue"
    log_level: Annotated[LogLevel, _is("the least important records that the log keeps")] = "info"
    log_cap_mb: Annotated[float, Meta(ge=1, le=100_000), _is("what the log files take together, at most", "MB")] = 50.0

    network: Annotated[Network, _is("the chain; embedded is the built-in one")] = "embedded"
    netuid: Annotated[Netuid, _is("the subnet's number")] = 1
    wallet_name: Annotated[str, _is("the wallet; without one, throw-away keys (embedded chain only)")] = ""
    wallet_hotkey: Annotated[str, _is("the hotkey's name in the wallet")] = "default"
    wallet_path: Annotated[Path, _is("the folder of the wallets")] = field(
        default_factory=lambda: Path("~/.bittensor/wallets").expanduser()
    )
    block_time: Annotated[Seconds, _is("the time of a block on the embedded chain", "s")] = 12.0

    rounds: Annotated[Count | None, _is("stop after so many rounds")] = None
    interval: Annotated[float, Meta(ge=0, le=MAX_SECONDS), _is("time between two challenges", "s")] = 60.0
    seed: Annotated[Seed | None, _is("fixes what is asked, and how the demo's miners behave")] = None
    challenges: Annotated[Path | None, _is("a file of challenges (JSON lines) instead of synthetic ones")] = None
    probe_share: Annotated[
        float, Meta(ge=0, le=1), _is("the share of synthetic challenges whose right answer is known")
    ] = 0.84
    probe_budget: Annotated[Count | None, _is("such challenges in an hour, at most; open ones take their place")] = None
    replay_share: Annotated[
        float, Meta(ge=0, le=1), _is("the share of synthetic challenges that give way to recorded ones")
    ] = 0.0
    neurons: Annotated[tuple[Peer, ...], _is("miners to ask beside those on the chain, as HOTKEY@HOST:PORT")] = ()
    allow_private: Annotated[bool, _is("ask miners at private and loopback addresses, too")] = False
    sample: Annotated[Count, _is("how many miners are asked in one round")] = 16
    challenge_timeout: Annotated[Seconds, _is("how long one miner may take to answer", "s")] = 60.0
    round_timeout: Annotated[
        Seconds, _is("how long a round waits for all of its answers, no less than for one of them", "s")
    ] = 75.0
    scoring: Annotated[ScoringProfile, _is("the rules by which answers are judged")] = "robust"
    encoder: Annotated[Encoder, _is("what turns answers into vectors")] = "minilm"
    encoder_threads: Annotated[int, Meta(ge=1, le=256), _is("threads of the encoder")] = 1
    encoder_device: Annotated[Device, _is("where the encoder runs; auto takes a GPU that it can use")] = "auto"
    encoder_url: Annotated[Url, _is("the server of the encoder openai:MODEL, its URL up to and with /v1")] = ""
    encoder_key: Annotated[Secret, _is("that server's key, in the environment only")] = Secret()
    encoder_fallback: Annotated[bool, _is("go on with minilm when the encoder cannot be loaded at the start")] = False
    aggregation: Annotated[Aggregation, _is("how a miner's rounds become its score")] = "exponential"
    ema_alpha: Annotated[Share, _is("exponential: the newest round's share in a score")] = 0.3
    aggregation_window: Annotated[
        int, Meta(ge=1, le=1000), _is("windowed: the mean of so many last rounds, missing ones as 0")
    ] = 10
    ema_window_hours: Annotated[float, Meta(gt=0, le=8784), _is("how far back rounds count for a score", "h")] = 24.0
    dropout: Annotated[bool, _is("score with dropout: not every round, nor every answer of a miner, counts")] = False
    scored_per_period: Annotated[Count, _is("dropout: a miner's answers that count in one period, at most")] = 4
    scoring_period: Annotated[Seconds, _is("dropout: the period in which they are counted", "s")] = 600.0
    unscored_share: Annotated[
        float, Meta(ge=0, lt=1), _is("dropout: the share of rounds that are asked and judged, and move no score")
    ] = 0.5
    sybil_penalty: Annotated[
        PenaltyRule, _is("penalties for sybil groups: show what they would take, apply them, or neither")
    ] = "show"
    sybil_share: Annotated[Share, _is("the share of the serving miners that may be penalised at once")] = 0.33
    retention_days: Annotated[float, Meta(gt=0, le=36_600), _is("how long rounds are kept", "days")] = 7.0
    store_cap_mb: Annotated[
        float, Meta(ge=1, le=10_000_000), _is("what the store takes at most; the oldest answers' texts go first", "MB")
    ] = 4000.0

    host: Annotated[Host, _is("the address on which the miner server listens")] = "0.0.0.0"
    port: Annotated[Port, _is("the miner server's port; 0 takes a free one")] = 8091
    backend: Annotated[BackendName, _is("what answers the questions")] = "llamacpp"
    backend_url: Annotated[Url, _is("the backend's base URL; without one, where it usually is")] = ""
    backend_model: Annotated[str, _is("the model to ask for; without one, the backend's first")] = ""
    reasoning_is_answer: Annotated[
        bool, _is("take what a model only thought for its answer; else a challenge that gets nothing more fails")
    ] = False
    model_path: Annotated[Path | None, _is("the GGUF file that llamacpp loads instead of the packaged one")] = None
    api_key: Annotated[Secret, _is("the backend's key, in the environment only")] = Secret()
    allow: Annotated[tuple[str, ...], _is("hotkeys that are answered besides the subnet's validators")] = ()
    max_concurrency: Annotated[Count, _is("requests that are worked on at once")] = 8
    queue_limit: Annotated[int, Meta(ge=0, le=1_000_000), _is("requests that wait, at most")] = 64
    queue_per_caller: Annotated[Count, _is("requests that wait for one caller, at most")] = 16
    key_ttl: Annotated[Seconds, _is("how long an exchanged key is good", "s")] = 3600.0
    handshake_window: Annotated[Seconds, _is("how far a handshake's clock may be off", "s")] = 60.0
    trusted_proxies: Annotated[
        tuple[Addresses, ...], _is("proxies before this miner, whose X-Forwarded-For or Forwarded names the caller")
    ] = ()

    miners: Annotated[int, Meta(ge=4, le=255), _is("how many miners the demo has")] = 17
    commit_reveal: Annotated[bool, _is("the demo subnet takes commits to weights, as new subnets do")] = False


DEMO = {
    "interval": 3.0,
    "block_time": 0.5,
    "allow_private": True,
    "challenge_timeout": 12.0,
    "round_timeout": 30.0,
}
"""Defaults of the demo that differ: it is over in a minute, and its miners are on loopback."""
