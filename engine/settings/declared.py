"""Every setting: default, unit, bounds and description. Help, errors and `config init` are generated from these.

A setting has one name: `challenge_timeout` in a file, `SUBNET_CONSOLE_CHALLENGE_TIMEOUT` in the environment,
`--challenge-timeout` where it is an option.
"""

from pathlib import Path
from typing import Annotated, Literal, Self

from msgspec import Meta, Struct, field

from engine import plugins
from engine.folders import data_home
from engine.redaction import know
from engine.snapshot import PenaltyRule, QuotaRule, Role
from engine.values import EMBEDDED, GatewayMode, IfDeregistered, Peer, ScoringProfile

LogLevel = Literal["debug", "info", "warning", "error", "critical"]
OnHangup = Literal["continue", "stop"]
AlertLevel = Literal["warning", "error"]
Aggregation = Literal["exponential", "windowed"]

MAX_SECONDS = 86_400 * 366
"""No duration that is set is longer than a leap year."""


TELLING_PATH = 20
"""Characters of a webhook's path from which on it may hold a token; shorter ones are words."""


class Secret(str):
    """A text whose repr is masked, and which is redacted wherever it turns up from then on."""

    __slots__ = ()

    def __new__(cls, text: str = "") -> Self:
        know(text)
        return super().__new__(cls, text)

    def __repr__(self) -> str:
        return "******" if self else "''"


class Addresses(str):
    """An IP address or network, such as `10.0.0.0/8`."""

    __slots__ = ()


class Recipient(str):
    """A command, or the URL of a webhook, whose path and query are often a secret in themselves."""

    __slots__ = ()

    def __new__(cls, text: str = "") -> Self:
        if text.lower().startswith(("http://", "https://")):
            _, _, secret = text.partition("://")[2].partition("/")
            if len(secret) >= TELLING_PATH:
                know(secret)
        return super().__new__(cls, text)


class BackendSpec(str):
    """A backend in one word: `NAME`, `NAME@URL`, `NAME@URL#MODEL`."""

    __slots__ = ()

    @property
    def parts(self) -> tuple[str, str, str]:
        """Its name, its base URL and its model; the last two are "" where they are left out."""
        address, _, model = self.partition("#")
        name, _, url = address.partition("@")
        return name, url, model


def _text(form: str, pattern: str) -> Meta:
    """`form` says in words what `pattern` demands."""
    return Meta(pattern=pattern, extra={"form": form})


def _named(group: str, *own: str) -> Meta:
    """One of our `own` names, or one that an installed package adds in the entry-point group."""
    return Meta(extra={"choices": own, "group": group})


def _is(description: str, unit: str = "") -> Meta:
    return Meta(extra={"description": description, "unit": unit})


Seconds = Annotated[float, Meta(gt=0, le=MAX_SECONDS)]
Port = Annotated[int, Meta(ge=0, le=65_535)]
Netuid = Annotated[int, Meta(ge=0, le=65_535)]
Seed = Annotated[int, Meta(ge=0, lt=2**32)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Context = Annotated[int, Meta(ge=256, le=10_000_000)]
Share = Annotated[float, Meta(gt=0, le=1)]
_HOST = r"(\[[0-9A-Fa-f:.]+\]|[^\s,/?#@:\[\]]+)"
_PORT = r"0*(6553[0-5]|655[0-2]\d|65[0-4]\d\d|6[0-4]\d{3}|[1-5]\d{4}|[1-9]\d{0,3})"
Listen = Annotated[str, _text("HOST:PORT", rf"^(|{_HOST}:{_PORT})\Z")]
_CHAIN = rf"(finney|test|local|wss?://([^\s,/]*@)?{_HOST}(:{_PORT})?([/?#][^\s,]*)?)"
Door = Annotated[str, _text("PORT or HOST:PORT", rf"^(|({_HOST}:)?{_PORT})\Z")]
Network = Annotated[
    str,
    _text(
        "embedded, embedded:DIR, or one or more of finney, test, local and ws:// or wss:// URLs, with commas between",
        rf"^(embedded(:.+)?|{_CHAIN}(,{_CHAIN})*)\Z",
    ),
]
Encoder = Annotated[
    str,
    _text(
        "minilm, bow, hashing, sentence-transformers:MODEL or openai:MODEL",
        r"^(minilm|bow|hashing|(sentence-transformers|openai):\S+)\Z",
    ),
]
Device = Annotated[str, _text("auto, cpu, cuda or cuda:N", r"^(auto|cpu|cuda(:\d{1,3})?)\Z")]
Backend = Annotated[str, _named(plugins.BACKENDS, "scripted", "openai", "ollama", "vllm", "llamacpp")]
Kind = Annotated[str, _named(plugins.KINDS, "arithmetic", "chat", "embeddings", "structured", "tools")]
Url = Annotated[str, _text("an http:// or https:// URL", r"^(https?://\S+)?\Z")]
RedisUrl = Annotated[str, _text("a redis:// or rediss:// URL", r"^(rediss?://\S+)?\Z")]
Hours = Annotated[str, _text("HH:MM-HH:MM", r"^(|([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d)\Z")]
Host = Annotated[str, _text("a host name or an IP address", r"^\S+\Z")]


class Settings(Struct, frozen=True, kw_only=True):
    """The settings of one run."""

    role: Annotated[Role, _is("what to run: the demo subnet, a miner, a validator or a Challenge API")] = "demo"
    data_dir: Annotated[Path, _is("data folder: store, keys and logs")] = field(default_factory=data_home)
    read_only: Annotated[bool, _is("never write to the chain")] = False
    on_hangup: Annotated[OnHangup, _is("what to do when the terminal hangs up")] = "continue"
    if_deregistered: Annotated[
        IfDeregistered, _is("when another neuron takes our uid: pause until registered again, or stop with exit code 3")
    ] = "pause"
    log_level: Annotated[LogLevel, _is("lowest level to log")] = "info"
    log_cap_mb: Annotated[float, Meta(ge=1, le=100_000), _is("maximum total size of the log files", "MB")] = 50.0

    on_attention: Annotated[
        Recipient, _is("tell a person who is not looking: a command that gets JSON on stdin, or the URL of a webhook")
    ] = Recipient()
    on_attention_secret: Annotated[Secret, _is("bearer token for that webhook, from the environment only")] = Secret()
    on_attention_level: Annotated[AlertLevel, _is("lowest level to tell of")] = "warning"
    on_attention_per_hour: Annotated[
        Count, _is("maximum number of alerts per hour; what exceeds it is gathered in the next one")
    ] = 20
    quiet_hours: Annotated[Hours, _is("local hours in which only errors are told at once, the rest afterwards")] = ""

    metrics: Annotated[Door, _is("serve numbers for Prometheus at /metrics here; a port alone is one of 127.0.0.1")] = (
        ""
    )

    page: Annotated[
        Door, _is("a validator shows everyone how the subnet does here; a port alone is one of 127.0.0.1")
    ] = ""

    network: Annotated[
        Network, _is("chain to connect to, or several endpoints of it; embedded is built in, embedded:DIR shared")
    ] = EMBEDDED
    netuid: Annotated[Netuid, _is("subnet number")] = 1
    wallet_name: Annotated[str, _is("wallet name; without one, throwaway keys are made (embedded chain only)")] = ""
    wallet_hotkey: Annotated[str, _is("hotkey name within the wallet")] = "default"
    wallet_path: Annotated[Path, _is("folder that holds the wallets")] = field(
        default_factory=lambda: Path("~/.bittensor/wallets").expanduser()
    )
    allow_coldkey: Annotated[bool, _is("start even though an unencrypted coldkey can be read here")] = False
    mechanism: Annotated[int, Meta(ge=0, le=15), _is("mechanism of the subnet to set weights for")] = 0
    external_ip: Annotated[str, _is("address to announce on chain, where others reach this miner")] = ""
    external_port: Annotated[Port, _is("port to announce, if it differs from the listening port")] = 0
    block_time: Annotated[Seconds, _is("block time of the embedded chain", "s")] = 12.0

    rounds: Annotated[Count | None, _is("stop after N rounds")] = None
    interval: Annotated[float, Meta(ge=0, le=MAX_SECONDS), _is("time between challenges", "s")] = 60.0
    seed: Annotated[Seed | None, _is("random seed for the questions and for the demo miners' behaviour")] = None
    challenges: Annotated[
        Path | None, _is("ask the challenges in this file (JSON lines) instead of synthetic ones")
    ] = None
    kind: Annotated[Kind | None, _is("ask synthetic challenges of this kind only, instead of a mixture")] = None
    probe_share: Annotated[
        float, Meta(ge=0, le=1), _is("share of synthetic challenges that are probes, whose right answer is known")
    ] = 0.84
    probe_budget: Annotated[Count | None, _is("maximum number of probes per hour; open questions replace the rest")] = (
        None
    )
    replay_share: Annotated[
        float, Meta(ge=0, le=1), _is("share of synthetic challenges to replace with recorded ones")
    ] = 0.0
    neurons: Annotated[tuple[Peer, ...], _is("also ask this miner (HOTKEY@HOST:PORT[/DIALECT])")] = ()
    dialect: Annotated[
        str,
        _named(plugins.DIALECTS, "auto", "own", "loosh", "fiber", "btauth", "template", "loosh-plain"),
        _is("dialect to ask miners in, unless --neuron names another; auto probes each miner"),
    ] = "loosh"
    allow_private: Annotated[bool, _is("also ask miners at private and loopback addresses")] = False
    sample: Annotated[Count, _is("number of miners to ask per round")] = 16
    challenge_timeout: Annotated[Seconds, _is("time limit for one miner's answer", "s")] = 60.0
    round_timeout: Annotated[Seconds, _is("time limit for a whole round, at least that of one answer", "s")] = 75.0
    scoring: Annotated[ScoringProfile, _is("scoring profile")] = "robust"
    encoder: Annotated[Encoder, _is("encoder that turns answers into vectors")] = "minilm"
    encoder_threads: Annotated[int, Meta(ge=1, le=256), _is("encoder threads")] = 1
    encoder_device: Annotated[Device, _is("device to run the encoder on; auto uses a GPU if there is one")] = "auto"
    encoder_url: Annotated[Url, _is("base URL of the openai:MODEL encoder, including /v1")] = ""
    encoder_key: Annotated[Secret, _is("API key for that server, from the environment only")] = Secret()
    encoder_fallback: Annotated[bool, _is("fall back to minilm if the encoder cannot be loaded at startup")] = False
    aggregation: Annotated[Aggregation, _is("how a miner's rounds are averaged into its score")] = "exponential"
    ema_alpha: Annotated[Share, _is("exponential: weight of the newest round")] = 0.3
    aggregation_window: Annotated[
        int, Meta(ge=1, le=1000), _is("windowed: number of latest rounds to average, missing ones counting as 0")
    ] = 10
    ema_window_hours: Annotated[float, Meta(gt=0, le=8784), _is("how far back rounds count towards a score", "h")] = (
        24.0
    )
    dropout: Annotated[bool, _is("score with dropout: leave some rounds, and answers beyond the cap, uncounted")] = (
        False
    )
    scored_per_period: Annotated[Count, _is("dropout: maximum number of counted answers per miner and period")] = 4
    scoring_period: Annotated[Seconds, _is("dropout: length of that period", "s")] = 600.0
    unscored_share: Annotated[
        float, Meta(ge=0, lt=1), _is("dropout: share of rounds that are asked and judged but move no score")
    ] = 0.5
    sybil_penalty: Annotated[PenaltyRule, _is("penalties for sybil groups: off, only shown, or applied")] = "show"
    sybil_share: Annotated[Share, _is("maximum share of serving miners to penalise at once")] = 0.33
    retention_days: Annotated[float, Meta(gt=0, le=36_600), _is("how long to keep rounds", "days")] = 7.0
    store_cap_mb: Annotated[
        float,
        Meta(ge=1, le=10_000_000),
        _is("maximum size of the store; the oldest answer texts are dropped first", "MB"),
    ] = 4000.0

    gateway: Annotated[Listen, _is("answer users' requests in OpenAI's API here, for bearers of keys")] = ""
    gateway_mode: Annotated[GatewayMode, _is("how users' requests are answered unless they name a mode")] = "fast"
    organic_retention: Annotated[
        float, Meta(ge=2, le=8784), _is("how long to keep the words of users' requests and of the answers to them", "h")
    ] = 24.0
    gateway_sample: Annotated[Count, _is("number of miners that a race or a consensus for a user asks")] = 3
    gateway_rate: Annotated[
        Count, _is("what any miner says a second; users' answers are as long as challenge_timeout allows", "tokens")
    ] = 30
    gateway_price: Annotated[
        float, Meta(ge=0, le=1e9), _is("price of a million tokens, in what you count; Gateway shows what requests cost")
    ] = 0.0
    gateway_context: Annotated[
        Context, _is("what any miner can hold: a user's request and its answer together", "tokens")
    ] = 8192

    redis: Annotated[
        RedisUrl, _is("Redis through which gateways and asking workers in processes of their own reach the validator")
    ] = ""

    pushed: Annotated[Listen, _is("take challenges that a Challenge API pushes here; answers go to challenge_api")] = ""
    pushers: Annotated[tuple[str, ...], _is("hotkey of a Challenge API that may push challenges")] = ()
    pushed_unsigned: Annotated[
        bool, _is("let pushers exchange keys unsigned, as Loosh's may: anybody can then push in their name")
    ] = False

    validators: Annotated[
        tuple[Peer, ...], _is("a Challenge API also pushes to this validator (HOTKEY@HOST:PORT)")
    ] = ()

    host: Annotated[Host, _is("address for the miner server, or the Challenge API, to listen on")] = "0.0.0.0"
    port: Annotated[Port, _is("port for the miner server, or the Challenge API, to listen on; 0 picks a free one")] = (
        8091
    )
    backend: Annotated[Backend, _is("backend that answers the questions")] = "llamacpp"
    backend_url: Annotated[Url, _is("override the backend's default base URL")] = ""
    backend_model: Annotated[str, _is("model to request, instead of the backend's first")] = ""
    backend_context: Annotated[
        Context | None,
        _is("context length of the model, which llamacpp uses and requests to a model server must fit", "tokens"),
    ] = None
    more_backends: Annotated[
        tuple[BackendSpec, ...],
        _is("share the work with this backend: NAME[@URL][#MODEL], such as vllm@http://10.0.0.2:8001/v1"),
    ] = ()
    reasoning_is_answer: Annotated[
        bool,
        _is("accept a model's reasoning as its answer when it gives nothing else, instead of failing the challenge"),
    ] = False
    model_path: Annotated[Path | None, _is("GGUF file for llamacpp to load instead of the packaged one")] = None
    api_key: Annotated[Secret, _is("API key for the backend, from the environment only")] = Secret()
    more_api_key: Annotated[Secret, _is("API key for more_backends, from the environment only")] = Secret()
    cost_per_hour: Annotated[
        float,
        Meta(ge=0, le=1e9),
        _is("what all backends together cost an hour; Backends shows what a million tokens then cost"),
    ] = 0.0
    openai: Annotated[bool, _is("also serve OpenAI's API under /v1, to bearers of keys made with 'keys add'")] = False
    openai_public: Annotated[
        bool, _is("serve it to public addresses over plain HTTP too, where others can read keys and texts")
    ] = False
    allow: Annotated[tuple[str, ...], _is("also answer this hotkey, besides the subnet's validators")] = ()
    min_stake: Annotated[float, Meta(ge=0, le=1e15), _is("stake that a validator needs to be answered", "tokens")] = 0.0
    open_until_listed: Annotated[
        bool, _is("answer everyone until the subnet's validators are known, instead of nobody")
    ] = False
    challenge_api: Annotated[
        Url, _is("Challenge API whose active hotkeys a miner answers too, and to which a validator sends answers")
    ] = ""
    challenge_api_key: Annotated[Secret, _is("API key for the Challenge API, from the environment only")] = Secret()
    quotas: Annotated[QuotaRule, _is("quotas of validators by stake: only shown, or applied")] = "show"
    quota_requests: Annotated[Count, _is("challenges per period, shared out by the quotas")] = 256
    quota_period: Annotated[Seconds, _is("length of that period", "s")] = 600.0
    quota_synthetic: Annotated[
        Share, _is("part of its quota of each miner that a validator's own questions may use; users' requests use all")
    ] = 0.3
    quota_min_stake: Annotated[float, Meta(ge=0, le=1e15), _is("minimum stake for a share of the quotas", "tokens")] = (
        1000.0
    )
    max_concurrency: Annotated[Count, _is("number of requests to work on at once")] = 8
    queue_limit: Annotated[int, Meta(ge=0, le=1_000_000), _is("maximum number of waiting requests")] = 64
    queue_per_caller: Annotated[Count, _is("maximum number of waiting requests per caller")] = 16
    key_ttl: Annotated[Seconds, _is("lifetime of an exchanged key", "s")] = 3600.0
    loosh_plain: Annotated[
        bool, _is("also answer challenges at Loosh's /inference, without authentication or encryption")
    ] = False
    handshake_window: Annotated[Seconds, _is("maximum clock difference in a handshake", "s")] = 60.0
    trusted_proxies: Annotated[
        tuple[Addresses, ...],
        _is("trusted proxies in front of this miner, whose X-Forwarded-For or Forwarded header names the caller"),
    ] = ()

    miners: Annotated[int, Meta(ge=4, le=255), _is("number of demo miners")] = 17
    commit_reveal: Annotated[bool, _is("have the demo subnet use commit-reveal for weights, as new subnets do")] = False

    @property
    def embedded(self) -> bool:
        """Whether the chain is the built-in one, this run's own or a shared one."""
        return self.network.partition(":")[0] == EMBEDDED

    @property
    def shared_chain(self) -> Path | None:
        """The folder of the embedded chain that is shared with other processes, None for one's own or a real one."""
        folder = self.network.partition(":")[2] if self.embedded else ""
        return Path(folder).expanduser() if folder else None


DEMO = {
    "interval": 3.0,
    "block_time": 0.5,
    "allow_private": True,
    "challenge_timeout": 12.0,
    "round_timeout": 30.0,
}
"""The demo's own defaults: it takes a minute, and its miners are on loopback."""
