"""What other programs of the field call our settings: the Loosh miner and validator, and the subnet template.

Their names are read from the environment and from `.env`, in any case; names of theirs that nothing here uses, and
those that do nothing in the programs themselves, are passed over, but for the switch of scoring with dropout: the
template promises what it stands for.
"""

FOREIGN = {
    "NETUID": "netuid",
    "SUBSTRATE_SIDECAR.NETUID": "netuid",
    "SUBTENSOR_ADDRESS": "network",
    "SUBTENSOR_NETWORK": "network",
    "SUBSTRATE_SIDECAR.ENTRYPOINT": "network",
    "WALLET_NAME": "wallet_name",
    "WALLET.NAME": "wallet_name",
    "HOTKEY_NAME": "wallet_hotkey",
    "WALLET.HOTKEY": "wallet_hotkey",
    "WALLET.WALLET_PATH": "wallet_path",
    "API_HOST": "host",
    "API_PORT": "port",
    "LLM_BACKEND": "backend",
    "VLLM_API_BASE": "backend_url",
    "DEFAULT_MODEL": "backend_model",
    "MAX_CONCURRENT_REQUESTS": "max_concurrency",
    "FIBER_KEY_TTL_SECONDS": "key_ttl",
    "FIBER_HANDSHAKE_TIMEOUT_SECONDS": "handshake_window",
    "PROTOCOL.TIMEOUT": "challenge_timeout",
    "VALIDATING.BATCH_SIZE": "sample",
    "VALIDATING.DROPOUT_SCORING_ENABLED": "dropout",
    "VALIDATING.MAX_SCORES_PER_PERIOD": "scored_per_period",
    "VALIDATING.SCORE_PERIOD_SECONDS": "scoring_period",
    "MANAGING.N_HISTORICAL_SCORES": "aggregation_window",
    "LOG_LEVEL": "log_level",
}
"""Their name: ours. Where several name the same setting, the first that is set wins: an address beats a network."""
