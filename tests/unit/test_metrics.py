"""What Prometheus reads of an engine, who may read it where, and that dashboard, alerts and page agree on the names."""

import argparse
import asyncio
import json
import re
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml  # type: ignore[import-untyped]
from msgspec.structs import replace
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from console.metrics import MOST_MINERS, EngineMetrics, page
from console.options import LAUNCH, add_options, launch_configuration
from console.roles.metrics_door import metrics_door
from engine.snapshot import (
    Attention,
    ChainView,
    GpuView,
    JudgingView,
    LoopView,
    MinerView,
    RoundView,
    ServiceView,
    SetterView,
    Snapshot,
)
from miner_server.errors import MinerError
from tests.unit.engine_helpers import a_feed
from tests.unit.miner_helpers import ObedientBackend, make_server

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "deploy" / "monitoring"

WORDS = {"abs", "and", "by", "histogram_quantile", "increase", "on", "rate", "sum", "time", "topk", "up"}
"""PromQL's own words, as far as our files use them, and the metric that Prometheus makes itself."""

ORDER = (
    "role", "version", "network", "netuid", "uid", "hotkey", "result", "scoring", "encoder", "percentile", "service",
    "level", "status", "state",
)  # fmt: skip

HOSTILE = 'a"b\\c\n# TYPE up gauge\nup 7\x1b[31m\ud800\u202e' + "x" * 500


def a_round(**more: Any) -> RoundView:
    usual: dict[str, Any] = {
        "id": "r", "at": 5.0, "kind": "chat", "source": "synthetic", "profile": "robust", "asked": 3, "answered": 2,
        "clusters": (2,), "agreement": 0.75, "winner_uid": 1, "winner_hotkey": "m1", "p50_ms": 1.0, "p95_ms": 2.0,
        "duration_ms": 1500.0, "recorded": True,
    }  # fmt: skip
    return RoundView(**usual | more)


BUSY = Snapshot(
    at=10.0,
    version="1.2.3",
    role="validator",
    started_at=1.0,
    hotkey="our hotkey",
    scoring="robust",
    encoder="minilm",
    services=(
        ServiceView(name="validator", state="running", since=1.0),
        ServiceView(name="weights", state="backing_off", since=1.0, restarts=4, reason="no"),
    ),
    loop=LoopView(p50_ms=1.0, p99_ms=20.0),
    attention=(
        Attention(id=1, at=1.0, level="error", subject="s", text="t"),
        Attention(id=2, at=1.0, level="error", subject="s", text="u", acknowledged=True),
    ),
    chain=ChainView(
        network="finney", netuid=78, reachable=True, block=100, block_at=9.0, uid=4, registered=True, stake=5.5,
        balance=2.5, coldkey="our coldkey", last_weights_block=90, ahead_s=0.25,
    ),
    rounds_done=12,
    rounds_recorded=40,
    rounds_unstored=1,
    replies={"ok": 30, "timeout": 6},
    judging=JudgingView(judged=12, failed=2, seconds=6.0, started=3),
    rounds=(a_round(), a_round(answered=0, agreement=0.0, duration_ms=9000.0)),
    miners=(
        MinerView(
            uid=1, hotkey="m1", name="", ema=0.5, weight=0.75, planned=0.5, incentive=0.25, answered=9, failed=1,
            latency_ms=250.0, state="active", suspected="copies",
        ),
        MinerView(uid=2, hotkey="m2", name="", incentive=None),
    ),
    setter=SetterView(next_block=120, what="the window", reason="", windows_set=7, windows_missed=2),
)  # fmt: skip


def told(snapshot: Snapshot) -> dict[str, float]:
    """Every sample of its page: NAME{label,label}, in this order of labels, and its value."""
    families = text_string_to_metric_families(page(EngineMetrics(lambda: snapshot)).decode())
    return {
        f"{sample.name}{{{','.join(sample.labels[name] for name in ORDER if name in sample.labels)}}}": sample.value
        for family in families
        for sample in family.samples
    }


def test_a_validators_snapshot_is_told_in_numbers() -> None:
    numbers = told(BUSY)
    wanted = {
        "neuron_info{validator,1.2.3,finney,78,our hotkey}": 1,
        "neuron_loop_lag_seconds{99}": 0.02,
        "neuron_service_running{validator}": 1,
        "neuron_service_running{weights}": 0,
        "neuron_service_restarts_total{weights}": 4,
        "neuron_attention{error}": 1,
        "neuron_attention{warning}": 0,
        "neuron_chain_block{}": 100,
        "neuron_clock_ahead_seconds{}": 0.25,
        "neuron_balance{}": 2.5,
        "validator_info{robust,minilm}": 1,
        "validator_rounds_total{}": 12,
        "validator_rounds_unstored{}": 1,
        "validator_answers_total{ok}": 30,
        "validator_answers_total{timeout}": 6,
        "validator_answers_total{malformed}": 0,
        "validator_agreement_ratio{}": 0.75,
        "validator_round_seconds{}": 1.5,
        "validator_judging_seconds_sum{}": 6,
        "validator_judging_seconds_count{}": 12,
        "validator_judging_failures_total{}": 2,
        "validator_judging_workers_total{}": 3,
        "validator_weight_windows_total{set}": 7,
        "validator_weight_windows_total{missed}": 2,
        "validator_miners{active}": 1,
        "validator_miners{silent}": 1,
        "validator_suspected_miners{}": 1,
        "validator_miner_ema{1,m1}": 0.5,
        "validator_miner_weight_ratio{1,m1}": 0.75,
        "validator_miner_incentive_ratio{1,m1}": 0.25,
        "validator_miner_latency_seconds{1,m1}": 0.25,
        "validator_miner_answers_total{1,m1,ok}": 9,
        "validator_miner_answers_total{1,m1,failed}": 1,
    }
    assert {name: numbers.get(name) for name in wanted} == wanted
    unknown = ("validator_miner_incentive_ratio{2,m2}", "validator_miner_latency_seconds{2,m2}")
    assert not numbers.keys() & set(unknown)


def test_what_is_unknown_or_another_roles_is_not_told() -> None:
    new = Snapshot(at=1.0, version="1", role="validator", started_at=1.0)
    assert not [
        name for name in told(new) if name.startswith(("neuron_chain", "validator_agreement", "validator_weight"))
    ]
    assert not [name for name in told(replace(BUSY, role="miner")) if name.startswith("validator_")]


def test_what_strangers_say_can_neither_break_the_page_nor_flood_it() -> None:
    many = tuple(MinerView(uid=uid, hotkey=f"{uid}{HOSTILE}", name=HOSTILE, ema=uid) for uid in range(1000))
    hostile = replace(BUSY, miners=many, encoder=HOSTILE, chain=replace(BUSY.chain, network=HOSTILE))
    text = page(EngineMetrics(lambda: hostile)).decode()
    assert not re.search(r"^up ", text, re.MULTILINE)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", text)
    assert max(map(len, text.splitlines())) < 500
    shown = [name for name in told(hostile) if name.startswith("validator_miner_ema")]
    assert len(shown) == MOST_MINERS
    assert any(name.startswith("validator_miner_ema{999,") for name in shown), "the best first"


# -- names -----------------------------------------------------------------------------------------------------------


def families() -> list[Metric]:
    """All that a validator and a miner have."""
    gpu = GpuView(number=0, name="H200", use=0.5, memory_used=1, memory=2, celsius=60.0)
    server = make_server(ObedientBackend(), gpus=lambda: (gpu,))
    return [*EngineMetrics(lambda: BUSY).collect(), *server.metrics()]


def exported() -> dict[str, set[str]]:
    """The names that Prometheus stores, and under which name a page documents each."""
    suffixes = {
        "counter": ("_total",),
        "gauge": ("",),
        "histogram": ("_bucket", "_sum", "_count"),
        "summary": ("_sum", "_count"),
    }
    return {
        family.name + ("_total" if family.type == "counter" else ""): {
            family.name + suffix for suffix in suffixes[family.type]
        }
        for family in families()
    }


def names_in(query: str) -> set[str]:
    """The metrics of a PromQL expression."""
    bare = re.sub(r'"[^"]*"', "", query)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\b(?:by|on|without|ignoring) ?\([^)]*\)", " ", bare)
    return set(re.findall(r"\b[a-zA-Z_:][\w:]*", bare)) - WORDS


def rules() -> list[dict[str, Any]]:
    loaded = yaml.safe_load((MONITORING / "alerts.yml").read_text())
    return [rule for group in loaded["groups"] for rule in group["rules"]]


def queries() -> list[str]:
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    panels = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    return [*panels, *(rule["expr"] for rule in rules())]


def test_dashboard_and_alerts_use_no_name_that_is_not_exported() -> None:
    stored = set().union(*exported().values())
    used = set().union(*map(names_in, queries()))
    assert len(used) > 40, "the names are found at all"
    assert used - stored == set()
    assert names_in("rate(miner_gone_total[5m]) > 2 * sum by (a) (x_y)") == {"miner_gone_total", "x_y"}


def test_labels_in_the_queries_exist() -> None:
    labels = {sample.name: set(sample.labels) for family in families() for sample in family.samples}
    for query in queries():
        for name, selector in re.findall(r"(\w+)\{([^}]*)\}", query):
            wanted = set(re.findall(r"(\w+)\s*[!=]", selector)) - {"instance", "job"}
            assert wanted <= labels.get(name, wanted), (query, name)


def test_the_guide_names_every_metric_and_no_other() -> None:
    guide = (ROOT / "docs" / "monitoring.md").read_text()
    named = set(re.findall(r"`((?:neuron|validator|miner)_\w+)`", guide))
    assert named == set(exported())


def test_no_label_has_a_name_that_prometheus_keeps_for_itself() -> None:
    """promtool: `quantile` is a summary's, `le` a histogram's."""
    gauges = [family for family in families() if family.type in ("gauge", "counter")]
    assert not {name for family in gauges for sample in family.samples for name in sample.labels} & {"quantile", "le"}


def test_every_alert_says_what_is_wrong_and_what_to_look_at() -> None:
    assert all(rule["annotations"].keys() == {"summary", "description"} for rule in rules())
    assert all(rule["labels"]["severity"] in ("critical", "warning") for rule in rules())
    assert len({rule["alert"] for rule in rules()}) == len(rules())


# -- the door --------------------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_the_door_is_on_loopback_and_tells_the_newest_snapshot_and_its_health() -> None:
    feed = a_feed()
    feed.publish(BUSY)
    part = metrics_door(str(free_port()), feed)
    (said,) = feed.attention
    where = said.text.removeprefix("metrics are at ").removesuffix("/metrics")
    assert where.startswith("http://127.0.0.1:")
    door, ready = part.services["metrics"](), asyncio.Event()
    for _ in range(2):  # a service that is started again
        ready.clear()
        serving = asyncio.create_task(door.run(ready.set))
        async with asyncio.timeout(60), httpx.AsyncClient(trust_env=False, base_url=where) as client:
            await ready.wait()
            numbers = await client.get("/metrics")
            assert numbers.headers["content-type"].startswith("text/plain; version=")
            assert "validator_rounds_total 12.0" in numbers.text
            health = await client.get("/health")
            assert (health.status_code, health.json()["stopped"]) == (503, ["weights"])
            feed.publish(replace(BUSY, services=BUSY.services[:1], rounds_done=13))
            assert (await client.get("/health")).json()["rounds"] == 13
            assert (await client.get("/health")).status_code == 200
            assert (await client.post("/metrics")).status_code == 405
            assert (await client.get("/")).status_code == 404
            feed.publish(BUSY)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ("--role validator --port 9191", "9191"),
        ("--role validator --port 9191 --host ::1", "[::1]:9191"),
        ("--role validator --port 9191 --metrics 9292", "9292"),
        ("--role validator", ""),
        ("--role miner --port 9191", ""),
    ],
)
def test_a_validators_port_is_its_door_if_an_option_says_so(options: str, where: str) -> None:
    parser = argparse.ArgumentParser()
    add_options(parser, LAUNCH)
    assert launch_configuration(parser.parse_args(options.split())).settings.metrics == where


def test_without_the_setting_there_is_no_door_and_a_taken_address_names_it() -> None:
    assert metrics_door("", a_feed()).services == {}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(MinerError, match=f"127.0.0.1:{port}.*choose another --metrics"):
            metrics_door(str(port), a_feed())
