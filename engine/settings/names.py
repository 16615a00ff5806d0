"""Other programs' names for our settings: those of the Loosh miner and validator, Fiber, and the subnet template.

They are read from the environment and from `.env`, in upper or lower case. What became of each is reported, see
`engine.settings.foreign`; names that are not used have a reason here.
"""

from collections.abc import Mapping

from msgspec import Struct


class Taken(Struct, frozen=True):
    """Another program's name for one of our settings.

    `words` are values that have other names here. An address is only used with its own `backend`; `behind` is what the
    other program appends to it.
    """

    setting: str
    words: Mapping[str, str] = {}
    backend: str = ""
    behind: str = ""


class Unused(Struct, frozen=True):
    """Another program's name that has no effect here, and why. A `dead` one has no effect in that program either."""

    reason: str
    dead: bool = False


LLAMA_SERVER = "llamacpp"
LLAMA_SERVER_URL = "http://localhost:8080/v1"
"""In the Loosh miner, `llamacpp` is llama.cpp's own server, always at this address. Ours runs in this process."""

_LEVELS = {"trace": "debug", "success": "info", "warn": "warning", "fatal": "critical"}

TAKEN: dict[str, Taken] = {
    "NETUID": Taken("netuid"),
    "SUBSTRATE_SIDECAR.NETUID": Taken("netuid"),
    "SUBTENSOR_ADDRESS": Taken("network"),
    "SUBTENSOR.CHAIN_ENDPOINT": Taken("network"),
    "SUBTENSOR_NETWORK": Taken("network"),
    "SUBTENSOR.NETWORK": Taken("network"),
    "SUBSTRATE_SIDECAR.ENTRYPOINT": Taken("network"),
    "WALLET_NAME": Taken("wallet_name"),
    "WALLET.NAME": Taken("wallet_name"),
    "HOTKEY_NAME": Taken("wallet_hotkey"),
    "WALLET.HOTKEY": Taken("wallet_hotkey"),
    "WALLET.WALLET_PATH": Taken("wallet_path"),
    "WALLET.PATH": Taken("wallet_path"),
    "API_HOST": Taken("host"),
    "API_PORT": Taken("port"),
    "LLM_BACKEND": Taken("backend", words={LLAMA_SERVER: "openai"}),
    "VLLM_API_BASE": Taken("backend_url", backend="vllm"),
    "OLLAMA_BASE_URL": Taken("backend_url", backend="ollama", behind="/v1"),
    "DEFAULT_MODEL": Taken("backend_model"),
    "MAX_CONCURRENT_REQUESTS": Taken("max_concurrency"),
    "FIBER_KEY_TTL_SECONDS": Taken("key_ttl"),
    "FIBER_HANDSHAKE_TIMEOUT_SECONDS": Taken("handshake_window"),
    "PROTOCOL.TIMEOUT": Taken("challenge_timeout"),
    "VALIDATING.BATCH_SIZE": Taken("sample"),
    "VALIDATING.DROPOUT_SCORING_ENABLED": Taken("dropout"),
    "VALIDATING.MAX_SCORES_PER_PERIOD": Taken("scored_per_period"),
    "VALIDATING.SCORE_PERIOD_SECONDS": Taken("scoring_period"),
    "MANAGING.N_HISTORICAL_SCORES": Taken("aggregation_window"),
    "MIN_STAKE_THRESHOLD": Taken("min_stake"),
    "CHALLENGE_API_URL": Taken("challenge_api"),
    "CHALLENGE_API_KEY": Taken("challenge_api_key"),
    "MANAGING.EPOCH_INTERVAL": Taken("quota_period"),
    "MANAGING.RATE_LIMIT_MIN_STAKE": Taken("quota_min_stake"),
    "MANAGING.RATE_LIMIT_MAX_REQUESTS": Taken("quota_requests"),
    "VALIDATING.SYNTHETIC_RATE_LIMIT_THRESHOLD": Taken("quota_synthetic"),
    "LOG_LEVEL": Taken("log_level", words=_LEVELS),
}
"""If several name the same setting, the first that is set wins: an address beats a network."""

_REQUESTED = Unused("each request states its own", dead=True)
_FOR_VLLM = Unused("it configures vLLM, which is started apart from this program")
_SERVER = Unused("the server's own limits apply: max_concurrency, queue_limit and queue_per_caller")
_FILES = Unused("data is stored in data_dir")
_NO_API = Unused("a Challenge API pushes challenges to the address in pushed, and is known by its hotkey, in pushers")
_NO_NARRATIVE = Unused("no narrative is written")
_OLD_AXON = Unused("host and port set the address", dead=True)
_NO_SERVICE = Unused("everything is one process: there is no such service")
_NO_REDIS = Unused("data is stored in data_dir, not in Redis")
_SCRIPT = Unused("only the Loosh miner's own scripts use it")
_LIBRARY = Unused("the library that it belongs to reads it itself")

LEFT: dict[str, Unused] = {
    # The Loosh miner.
    "DEFAULT_MAX_TOKENS": _REQUESTED,
    "DEFAULT_TEMPERATURE": _REQUESTED,
    "DEFAULT_TOP_P": _REQUESTED,
    "MODEL_PATH": Unused("backend=llamacpp with model_path loads a GGUF file in this process", dead=True),
    "OLLAMA_TIMEOUT": Unused("an answer may take as long as its caller waits", dead=True),
    "TENSOR_PARALLEL_SIZE": _FOR_VLLM,
    "GPU_MEMORY_UTILIZATION": _FOR_VLLM,
    "MAX_MODEL_LEN": _FOR_VLLM,
    "LOG_FILE": Unused("the log is in data_dir", dead=True),
    "FIBER_ENABLE_KEY_ROTATION": Unused("keys are always exchanged again after key_ttl", dead=True),
    "ENABLE_VALIDATOR_WHITELIST": Unused("callers always need a validator permit on the chain, or a place in allow"),
    "TEST_MODE": Unused("there is no such mode: try things out with --network embedded, without a real chain"),
    "VLLM_PORT": _FOR_VLLM,
    "VLLM_ENABLE_AUTO_TOOL_CHOICE": _FOR_VLLM,
    "VLLM_TOOL_CALL_PARSER": _FOR_VLLM,
    "VLLM_ENABLE_PREFIX_CACHING": _FOR_VLLM,
    "VLLM_MAX_NUM_SEQS": _FOR_VLLM,
    "VLLM_MAX_NUM_BATCHED_TOKENS": _FOR_VLLM,
    "HUGGINGFACE_HUB_CACHE": _LIBRARY,
    "HF_HOME": _LIBRARY,
    "HF_HUB_ENABLE_HF_TRANSFER": _LIBRARY,
    "MINER_WORKDIR": _SCRIPT,
    "PYTHON_INTERPRETER": _SCRIPT,
    "WALLET_PATH": Unused("their container copies wallets from there; here they are read from wallet_path"),
    "UVICORN_KEEP_ALIVE": _SERVER,
    "UVICORN_LIMIT_CONCURRENCY": _SERVER,
    "UVICORN_LIMIT_MAX_REQUESTS": _SERVER,
    # The Loosh validator.
    "DB_PATH": _FILES,
    "USERS_DB_PATH": _FILES,
    "LLM_API_URL": _NO_NARRATIVE,
    "LLM_API_KEY": _NO_NARRATIVE,
    "LLM_MODEL": _NO_NARRATIVE,
    "AXON_IP": _OLD_AXON,
    "AXON_PORT": _OLD_AXON,
    "AXON_EXTERNAL_IP": _OLD_AXON,
    "AXON_EXTERNAL_PORT": _OLD_AXON,
    "AXON_MAX_WORKERS": _OLD_AXON,
    "AXON_TIMEOUT": _OLD_AXON,
    "HEATMAP_UPLOAD_URL": Unused("pictures of rounds are written with 'export round ID --picture'", dead=True),
    "CHALLENGE_PUSH_API_KEY": Unused(_NO_API.reason, dead=True),
    "CHALLENGE_MODE": Unused(_NO_API.reason, dead=True),
    "DB_BACKEND": Unused(_FILES.reason, dead=True),
    "DATABASE_URL": Unused(_FILES.reason, dead=True),
    # Fiber.
    "REFRESH_NODES": Unused("the metagraph is always kept up to date"),
    "LOAD_OLD_NODES": Unused("the metagraph is always read from the chain"),
    "STORAGE_ENCRYPTION_KEY": Unused("exchanged keys are kept in memory only"),
    "ENV": Unused("log_level says how much is logged"),
    # The subnet template.
    "SUBSTRATE_SIDECAR.SYNC_NODE_INFO_INTERVAL": Unused("the metagraph is read as often as it changes"),
    "SUBSTRATE_SIDECAR.REDIS_KEYS": _NO_REDIS,
    "SUBSTRATE_SIDECAR.HOST": _NO_SERVICE,
    "SUBSTRATE_SIDECAR.PORT": _NO_SERVICE,
    "SUBSTRATE_SIDECAR.ADAPTER": _NO_SERVICE,
    "SUBSTRATE_SIDECAR.REQUEST_TIMEOUT": _NO_SERVICE,
    "REDIS.HOST": _NO_REDIS,
    "REDIS.PORT": _NO_REDIS,
    "REDIS.DB": _NO_REDIS,
    "MANAGING.N_SCORES_PER_EPOCH": Unused("scored_per_period sets this", dead=True),
    "MANAGING.SCORE_HISTORY_TTL_FACTOR": Unused("retention_days says how long rounds are kept"),
    "MANAGING.REDIS_KEYS": _NO_REDIS,
    "MANAGING.HOST": _NO_SERVICE,
    "MANAGING.PORT": _NO_SERVICE,
    "VALIDATING.SCORE_TRACKING_KEY_PREFIX": _NO_REDIS,
    "VALIDATING.SCORING_SEMAPHORE_SIZE": Unused("rounds are judged by one worker, one after the other"),
    "SCORING.HOST": _NO_SERVICE,
    "SCORING.PORT": _NO_SERVICE,
    "SYNTHESIZING.HOST": _NO_SERVICE,
    "SYNTHESIZING.PORT": _NO_SERVICE,
    "PROTOCOL.CHALLENGES": Unused("the template's arithmetic challenges are not asked"),
}

LEFT_BEGINNINGS: dict[str, Unused] = {
    "MYSQL_": Unused(_FILES.reason, dead=True),
    "REDIS_": Unused(_NO_REDIS.reason, dead=True),
}
"""Prefixes of the names in the Loosh validator's first version."""

SECTIONS = tuple(sorted({name.partition(".")[0] + "." for name in (*TAKEN, *LEFT) if "." in name}))
"""Prefixes of the template's dotted names: any other name with such a prefix is a typo."""

COMMONPLACE = frozenset(
    (
        "DATABASE_URL",
        "DB_BACKEND",
        "DB_PATH",
        "ENV",
        "HF_HOME",
        "HF_HUB_ENABLE_HF_TRANSFER",
        "HUGGINGFACE_HUB_CACHE",
        "LOG_FILE",
        "PYTHON_INTERPRETER",
    )
)
"""Names that the environment may hold for any other program: they are reported only if a `.env` file has them."""


def left(name: str, *, in_file: bool) -> Unused | None:
    """Why an upper-case name is not taken; None if it is not one of these names."""
    if name in LEFT:
        return LEFT[name] if in_file or name not in COMMONPLACE else None
    if in_file:
        return next((why for beginning, why in LEFT_BEGINNINGS.items() if name.startswith(beginning)), None)
    return None
