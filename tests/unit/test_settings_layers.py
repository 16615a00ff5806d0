"""Which value wins, where it came from, and what is said about a wrong one."""

from pathlib import Path
from typing import Any

import pytest

from engine.settings import Given, Settings, SettingsError, configure
from engine.values import Peer

ALICE = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, where `.env` is read."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def option(flag: str, value: object) -> Given:
    return Given(value, flag, is_text=isinstance(value, str))


def configured(
    options: dict[str, Given] | None = None,
    *,
    file: str = "",
    dotenv: str = "",
    profile: str | None = None,
    **environ: str,
) -> tuple[Settings, dict[str, str]]:
    if file:
        Path("config.toml").write_text(file)
    if dotenv:
        Path(".env").write_text(dotenv)
    found = configure(options or {}, config=Path("config.toml") if file else None, profile=profile, environ=environ)
    return found.settings, found.sources


def test_nothing_configured_is_the_demo(own_home: Path) -> None:
    settings, sources = configured()
    assert (settings.role, settings.network, settings.interval, settings.allow_private) == ("demo", "embedded", 3, True)
    assert settings.data_dir == own_home / ".local/share/subnet-console"
    assert sources["role"] == "default"
    assert sources["interval"] == "default of the demo"


def test_other_roles_have_the_careful_defaults() -> None:
    settings, sources = configured({"role": option("--role", "validator")})
    assert (settings.interval, settings.block_time, settings.allow_private) == (60, 12, False)
    assert sources["interval"] == "default"


FILE = """
netuid = 1
[profile.main]
netuid = 2
"""
LAYERS: list[tuple[str, dict[str, Any]]] = [
    ("config.toml:2", {}),
    ("config.toml:4", {"profile": "main"}),
    (".env:1 NETUID", {"dotenv": "NETUID=3"}),
    ("netuid", {"netuid": "4"}),
    (".env:2 SUBNET_CONSOLE_NETUID", {"dotenv": "NETUID=3\nSUBNET_CONSOLE_NETUID=5"}),
    ("SUBNET_CONSOLE_NETUID", {"SUBNET_CONSOLE_NETUID": "6"}),
    ("--netuid", {"options": {"netuid": option("--netuid", "7")}}),
]


@pytest.mark.parametrize("top", range(len(LAYERS)))
def test_the_order_of_the_layers(top: int) -> None:
    arguments: dict[str, Any] = {}
    for _, layer in LAYERS[: top + 1]:
        arguments |= layer
    settings, sources = configured(file=FILE, **arguments)
    assert (settings.netuid, sources["netuid"]) == (top + 1, LAYERS[top][0])


def test_a_loosh_miner_moves_over_with_its_file() -> None:
    settings, sources = configured(
        dotenv="""
        NETUID=78
        SUBTENSOR_NETWORK=finney
        SUBTENSOR_ADDRESS=wss://entrypoint.example:443
        WALLET_NAME=cold
        HOTKEY_NAME=hot
        API_HOST=127.0.0.1
        API_PORT=8000
        LLM_BACKEND=vllm
        VLLM_API_BASE=http://localhost:8001/v1
        DEFAULT_MODEL=Qwen/Qwen2.5-14B-Instruct
        MAX_CONCURRENT_REQUESTS=10
        FIBER_KEY_TTL_SECONDS=1800
        FIBER_HANDSHAKE_TIMEOUT_SECONDS=15
        ENABLE_VALIDATOR_WHITELIST=false
        LOG_LEVEL=WARNING
        MODEL_PATH=/dead
        DEFAULT_MAX_TOKENS=not even a number
        """
    )
    assert (settings.netuid, settings.network) == (78, "wss://entrypoint.example:443")
    assert (settings.wallet_name, settings.wallet_hotkey) == ("cold", "hot")
    assert (settings.host, settings.port, settings.backend) == ("127.0.0.1", 8000, "vllm")
    assert (settings.backend_url, settings.backend_model) == ("http://localhost:8001/v1", "Qwen/Qwen2.5-14B-Instruct")
    assert (settings.max_concurrency, settings.key_ttl, settings.handshake_window) == (10, 1800, 15)
    assert (settings.log_level, settings.model_path) == ("warning", None)
    assert sources["network"] == ".env:4 SUBTENSOR_ADDRESS"


def test_trusted_proxies_are_addresses_and_networks() -> None:
    settings, _ = configured(SUBNET_CONSOLE_TRUSTED_PROXIES="10.0.0.1, 192.0.2.0/24, 2001:db8::/32")
    assert settings.trusted_proxies == ("10.0.0.1", "192.0.2.0/24", "2001:db8::/32")
    for wrong in ("proxy.example", "10.0.0.0/33", "10.0.0.1:80", "*"):
        with pytest.raises(SettingsError, match="a list of IP addresses or networks"):
            configured(SUBNET_CONSOLE_TRUSTED_PROXIES=wrong)


def test_the_template_moves_over_with_its_dotted_names(own_home: Path) -> None:
    settings, _ = configured(
        dotenv="WALLET.NAME=cold\nwallet.hotkey=hot\nWALLET.WALLET_PATH=~/wallets\nSUBSTRATE_SIDECAR.NETUID=47\n"
        "WALLET.PATH=/the/other/name\nPROTOCOL.TIMEOUT=9\nVALIDATING.BATCH_SIZE=4\n"
    )
    assert (settings.wallet_name, settings.wallet_hotkey, settings.netuid) == ("cold", "hot", 47)
    assert (settings.wallet_path, settings.challenge_timeout, settings.sample) == (own_home / "wallets", 9, 4)


def test_the_templates_scoring_with_dropout_moves_over() -> None:
    settings, _ = configured(
        dotenv="VALIDATING.DROPOUT_SCORING_ENABLED=true\nVALIDATING.MAX_SCORES_PER_PERIOD=3\n"
        "VALIDATING.SCORE_PERIOD_SECONDS=300\nMANAGING.N_HISTORICAL_SCORES=32\n"
    )
    assert (settings.dropout, settings.scored_per_period, settings.scoring_period) == (True, 3, 300)
    assert settings.aggregation_window == 32


def test_dropout_has_the_references_defaults_and_is_off() -> None:
    settings, _ = configured()
    assert (settings.scored_per_period, settings.scoring_period, settings.unscored_share) == (4, 600, 0.5)
    assert settings.aggregation_window == 10
    assert (settings.dropout, settings.aggregation, settings.ema_alpha) == (False, "exponential", 0.3)


def test_a_miner_has_a_minute_as_with_the_reference_and_in_the_demo_less() -> None:
    settings, _ = configured({"role": option("--role", "validator")})
    assert (settings.challenge_timeout, settings.round_timeout) == (60, 75)
    settings, sources = configured()
    assert (settings.challenge_timeout, settings.round_timeout) == (12, 30)
    assert sources["round_timeout"] == "default of the demo"


@pytest.mark.parametrize(("role", "seconds"), [("validator", 76), ("demo", 40)])
def test_a_round_for_which_nobody_gave_a_time_waits_for_its_miners(role: str, seconds: float) -> None:
    settings, sources = configured({"role": option("--role", role)}, dotenv=f"PROTOCOL.TIMEOUT={seconds}")
    assert settings.round_timeout == seconds * 1.25
    assert sources["round_timeout"] == "1.25 × challenge_timeout"


def test_a_round_may_be_just_as_long_as_a_miners_time() -> None:
    settings, sources = configured(file="challenge_timeout = 20\nround_timeout = 20\n")
    assert (settings.round_timeout, sources["round_timeout"]) == (20, "config.toml:2")


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (
            "challenge_timeout = 20\nround_timeout = 19.5\n",
            "config.toml:2: round_timeout is 19.5 s and must be at least challenge_timeout, 20 s (config.toml:1)",
        ),
        (
            "role = 'validator'\nround_timeout = 30\n",
            "config.toml:2: round_timeout is 30 s and must be at least challenge_timeout, 60 s (default)",
        ),
        (
            "round_timeout = 10\n",
            "config.toml:1: round_timeout is 10 s and must be at least challenge_timeout, 12 s (default of the demo)",
        ),
    ],
)
def test_a_round_that_is_shorter_than_a_miners_time_is_refused_with_both(file: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        configured(file=file)
    assert message in str(caught.value)


def test_an_empty_variable_is_not_set() -> None:
    settings, sources = configured(SUBNET_CONSOLE_NETUID="", NETUID="")
    assert (settings.netuid, sources["netuid"]) == (1, "default")


def test_lists_come_from_options_variables_and_files() -> None:
    expected = (Peer(ALICE, "miner.example", 8091), Peer(ALICE, "::1", 80, "fiber"))
    texts = [f"{ALICE}@miner.example:8091", f"{ALICE}@[::1]:80/fiber"]
    for settings, _ in (
        configured({"neurons": option("--neuron", texts)}),
        configured(SUBNET_CONSOLE_NEURONS=", ".join(texts)),
        configured(file=f"neurons = {texts}"),
    ):
        assert settings.neurons == expected
    assert configured(file=f'allow = [\n  "{ALICE}",\n]')[0].allow == (ALICE,)


def test_the_key_does_not_show_itself() -> None:
    settings, _ = configured(SUBNET_CONSOLE_API_KEY="sk-hush")
    assert settings.api_key == "sk-hush"
    assert "hush" not in repr(settings)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"file": "netuid = 1\nrouns = 3"}, "config.toml:2: unknown setting 'rouns'; did you mean 'rounds'?"),
        ({"file": "\n[profile.a]\nport = '80'"}, "config.toml:3: port must be a whole number, at least 0 and"),
        ({"file": "profile.a.port = 'x'"}, "config.toml:1: port must be"),
        ({"file": "netuid = x\n"}, "config.toml:1: not valid TOML: Invalid value"),
        ({"file": "\nnetuid = "}, "config.toml:2: not valid TOML: Invalid value"),
        ({"file": "netuid = true"}, "config.toml:1: netuid must be a whole number"),
        ({"file": "interval = nan"}, "config.toml:1: interval must be a number of seconds, at least 0"),
        ({"file": "interval = inf"}, "config.toml:1: interval must be a number"),
        ({"file": "profile = 3"}, "config.toml: profiles are tables"),
        ({"file": "api_key = 'sk-hush'"}, "config.toml:1: api_key is a secret: set it in the environment as"),
        ({"file": "a = " + "[" * 5000}, "config.toml is not valid TOML: it is nested too deeply"),
        ({"file": "netuid = 1", "profile": "x"}, "config.toml: unknown profile 'x'"),
        ({"profile": "x"}, "profile 'x' needs a configuration file"),
        ({"dotenv": "\nNETUID=abc"}, ".env:2 NETUID: netuid must be a whole number"),
        ({"dotenv": "NETUID='abc"}, ".env:1 NETUID: unclosed quote"),
        ({"SUBNET_CONSOLE_ROUND": "3"}, "SUBNET_CONSOLE_ROUND: unknown setting; did you mean"),
        ({"options": {"rounds": option("--rounds", "0")}}, "--rounds must be a whole number, at least 1"),
        ({"options": {"rounds": option("--rounds", "9" * 5000)}}, "--rounds must be a whole number"),
        ({"options": {"role": option("--role", "minner")}}, "--role must be one of demo, miner, validator, challenge"),
        ({"options": {"network": option("--network", "http://x")}}, "--network must be embedded, embedded:DIR, or"),
        ({"options": {"allow": option("--allow", ["5x"])}}, "--allow must be a list of hotkeys"),
        ({"options": {"neurons": option("--neuron", [f"{ALICE}@host"])}}, "--neuron must be a list of HOTKEY@"),
        ({"options": {"neurons": option("--neuron", [f"{ALICE}@host:70000"])}}, "--neuron must be"),
        ({"options": {"data_dir": option("--data-dir", "~nobody-of-that-name/x")}}, "--data-dir must be a path"),
        ({"SUBNET_CONSOLE_CONFIG": "/not/there.toml"}, "no such configuration file: /not/there.toml"),
    ],
)  # fmt: skip
def test_what_is_said_about_a_wrong_value(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        configured(**arguments)
    assert str(caught.value).startswith(message)


def test_files_that_cannot_be_read(folder: Path) -> None:
    (folder / "config.toml").write_bytes(b"netuid = 1\n# caf\xe9\n")
    with pytest.raises(SettingsError, match=r"config\.toml:2: not UTF-8 text"):
        configure({}, config=Path("config.toml"), environ={})
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        configure({}, config=folder, environ={})
    (folder / "huge.toml").write_bytes(b"#" * (1 << 20) + b"\n")
    with pytest.raises(SettingsError, match="is larger than"):
        configure({}, config=Path("huge.toml"), environ={})


def test_a_secret_is_not_repeated() -> None:
    with pytest.raises(SettingsError) as caught:
        configured({"api_key": option("--x", 12)})
    assert "12" not in str(caught.value)


def test_the_file_of_the_user_is_found(own_home: Path) -> None:
    path = own_home / ".config/subnet-console/config.toml"
    path.parent.mkdir(parents=True)
    path.write_text("netuid = 9")
    found = configure({}, environ={})
    assert (found.settings.netuid, found.sources["netuid"]) == (9, f"{path}:1")
    path.write_text("netuid = 'x'")
    with pytest.raises(
        SettingsError,
        match=r"config\.toml:1: netuid .* \(use --config FILE for another file, or --config /dev/null for none\)",
    ):
        configure({}, environ={})
    assert configure({}, config=Path("/dev/null"), environ={}).settings.netuid == 1
