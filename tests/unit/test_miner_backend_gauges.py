"""What backends and GPUs tell of themselves: model servers' own numbers, ours of them, and the page for Prometheus."""

import asyncio
import math
import threading
from pathlib import Path
from typing import Any

import httpx
import pynvml
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from engine.snapshot import BackendView, GpuView
from miner_server.backends.gauges import NOTHING, Gauges, quantile, read_ollama, read_prometheus
from miner_server.backends.ollama import OllamaBackend
from miner_server.backends.openai import OpenAIBackend
from miner_server.gpus import Gpus, read_gpus
from miner_server.pool import Member, Pool
from tests.unit.engine_helpers import until
from tests.unit.miner_helpers import make_server, running
from tests.unit.openai_helpers import OLLAMAS, open_miner, said, talking

VLLM = """\
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="qwen {7b}"} 3.0
vllm:num_requests_running{engine="1",model_name="qwen {7b}"} 2.0
vllm:num_requests_waiting{engine="0",model_name="qwen {7b}"} 4.0
vllm:kv_cache_usage_perc{engine="0",model_name="qwen {7b}"} 0.5
vllm:kv_cache_usage_perc{engine="1",model_name="qwen {7b}"} 0.25
vllm:prefix_cache_queries_total{engine="0"} 200.0
vllm:prefix_cache_hits_total{engine="0"} 150.0
vllm:prefix_cache_hits_created{engine="0"} 1.76e+09
vllm:time_to_first_token_seconds_bucket{engine="0",le="0.1",model_name="q"} 5.0
vllm:time_to_first_token_seconds_bucket{engine="0",le="0.2",model_name="q"} 9.0
vllm:time_to_first_token_seconds_bucket{engine="0",le="+Inf",model_name="q"} 10.0
vllm:time_to_first_token_seconds_count{engine="0"} 10.0
vllm:inter_token_latency_seconds_bucket{le="0.02"} 8.0
vllm:inter_token_latency_seconds_bucket{le="+Inf"} 8.0
python_gc_objects_collected_total{generation="0"} 9.0
"""
OLDER_VLLM = """\
vllm:gpu_cache_usage_perc{model_name="q"} 0.125
vllm:time_per_output_token_seconds_bucket{le="0.05"} 4
vllm:time_per_output_token_seconds_bucket{le="+Inf"} 4
"""
LLAMA = """\
# TYPE llamacpp:requests_processing gauge
llamacpp:requests_processing 1
llamacpp:requests_deferred 6
llamacpp:kv_cache_usage_ratio 0.75
llamacpp:predicted_tokens_seconds nan
"""
SGLANG = 'sglang:num_running_reqs{tp_rank="0"} 7\nsglang:token_usage 0.5\nsglang:cache_hit_rate 0.25 1760000000\n'
LOADED = {"models": [{"name": "tiny", "model": "tiny", "size_vram": 3 << 30, "context_length": 2048}]}


def read(page: str) -> Gauges:
    told = read_prometheus(page.encode())
    assert told is not None
    return told


def test_each_servers_own_names_are_read_and_several_engines_added_up() -> None:
    told, older, llama, sglang = map(read, (VLLM, OLDER_VLLM, LLAMA, SGLANG))
    assert (told.running, told.waiting, told.kv_cache, told.prefix_cache) == (5, 4, 0.375, 0.75)
    assert list(told.first) == [(0.1, 5), (0.2, 9), (math.inf, 10)]
    assert (older.kv_cache, older.running, quantile(older.between, 0.5)) == (0.125, None, 0.025)
    assert (llama.running, llama.waiting, llama.kv_cache) == (1, 6, 0.75)
    assert (sglang.running, sglang.kv_cache, sglang.prefix_cache) == (7, 0.5, 0.25)
    assert read_prometheus(b"<html>not found</html>") is None
    assert read_prometheus(b"vllm:num_requests_running{} -3\nvllm:num_requests_waiting 1e999\n") is None
    assert read_ollama("other", b'{"models": []}') == NOTHING


@pytest.mark.parametrize(("share", "seconds"), [(0.5, 0.1), (0.8, 0.175), (0.95, 0.2)])
def test_a_quantile_lies_where_the_bounds_put_it(share: float, seconds: float) -> None:
    assert quantile(((0.1, 5), (0.2, 9), (math.inf, 10)), share) == pytest.approx(seconds)
    assert quantile((), share) is None


@given(st.binary(max_size=400) | st.text('vlm:_{}le="+Infnum_requests_running 0123.\n', max_size=400).map(str.encode))
def test_no_page_breaks_it(page: bytes) -> None:
    for told in (read_prometheus(page), read_prometheus(b"vllm:kv_cache_usage_perc " + page)):
        assert told is None or told.kv_cache is None or 0 <= told.kv_cache <= 1


async def test_what_every_kind_of_server_tells_is_on_the_screen_and_in_the_metrics(tmp_path: Path) -> None:
    """vLLM, llama.cpp's server and Ollama say something of themselves, the fourth nothing."""
    async with (
        talking(lambda _: said("one two three"), **{"/metrics": VLLM}) as vllm,
        talking(lambda _: said("one two three"), **{"/metrics": LLAMA}) as llama,
        talking(lambda _: said("one two three"), **OLLAMAS, **{"/api/ps": LOADED}) as ollama,
        talking(lambda _: said("one two three")) as silent,
    ):
        members = [
            Member(OpenAIBackend("vllm", vllm.url, api_key="sk-of-the-server"), vllm.url),
            Member(OpenAIBackend("openai", llama.url), llama.url),
            Member(OllamaBackend("ollama", ollama.url), ollama.url),
            Member(OpenAIBackend("openai", silent.url), silent.url),
        ]
        async with open_miner(Pool(members), tmp_path) as miner:
            await until(lambda: not any(member.readiness.unready for member in members))
            await until(lambda: miner.server.view().backends[2].memory is not None)
            await until(lambda: miner.server.view().backends[1].waiting is not None)
            await until(lambda: miner.server.view().backends[0].waiting is not None)
            for _ in range(8):
                async for _ in await miner.ask("Hello?", stream=True):
                    pass
            view = miner.server.view()
            async with httpx.AsyncClient() as client:
                page = (await client.get(miner.url.replace("/v1", "/metrics"))).text
            assert all(one.ready and one.model == "tiny" for one in view.backends)
            of_vllm, of_llama, of_ollama, of_silent = view.backends
            assert (of_vllm.running, of_vllm.waiting, of_vllm.kv_cache, of_vllm.prefix_cache) == (5, 4, 0.375, 0.75)
            assert (of_llama.running, of_llama.kv_cache, of_llama.prefix_cache) == (1, 0.75, None)
            assert (of_ollama.memory, of_ollama.kv_cache, of_ollama.running) == (3 << 30, None, 0)
            assert (of_silent.waiting, of_silent.kv_cache, of_silent.memory, of_silent.running) == (None, None, None, 0)
            asked = [one for one in view.backends if one.tokens]
            assert asked and all(one.first_p50_ms and one.between_p99_ms and one.tokens_per_s for one in asked)
            assert of_vllm.peaks["waiting"] == 4
            assert metrics(page) >= expected(view.backends)
            assert "127.0.0.1" not in page and "sk-of-the-server" not in page

            miner.server.reset_peaks()
            assert "first_s" not in miner.server.view().backends[0].peaks


def metrics(page: str) -> set[tuple[str, str, float]]:
    return {
        (sample.name, sample.labels.get("number", ""), sample.value)
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if "of" not in sample.labels
    }


def expected(backends: tuple[BackendView, ...]) -> set[tuple[str, str, float]]:
    """What the page has to say of backends that are shown like this: nothing of what is unknown."""
    return {
        (f"miner_backend_{name}", str(number), float(value))
        for number, one in enumerate(backends, 1)
        for name, value in (
            ("ready", one.ready),
            ("running", one.running),
            ("waiting", one.waiting),
            ("tokens_total", one.tokens),
            ("kv_cache_ratio", one.kv_cache),
            ("prefix_cache_ratio", one.prefix_cache),
            ("memory_bytes", one.memory),
        )
        if value is not None
    }


async def test_a_server_that_goes_says_nothing_of_itself_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    async with talking(lambda _: said("yes"), **{"/metrics": VLLM}) as talker:
        backend = OpenAIBackend("vllm", talker.url)
        assert await backend.readiness() == ""
        await backend.readiness()
        await until(lambda: backend.gauges.running == 5)
        del talker.pages["/v1/models"]
        talker.pages["/v1/models"] = "gone"
        monkeypatch.setattr(backend, "_probe_at", 0.0)
        assert await backend.readiness() != ""
        assert backend.gauges == NOTHING
        await backend.close()


async def test_the_price_of_a_million_tokens_follows_the_speed() -> None:
    async with talking(lambda _: said("one two three")) as talker:
        backend = OpenAIBackend("openai", talker.url)
        async with running(make_server(backend, per_hour=3.6)) as server:
            await until(lambda: server.view().ready)
            assert server.view().million_tokens_cost is None
            backend.speed.begin().__exit__()  # an answer that failed costs nothing and yields nothing
            with backend.speed.begin() as measuring:
                measuring.answered(50)
            rate = backend.speed.tokens_per_s
            assert rate is not None
            assert server.view().million_tokens_cost == pytest.approx(3.6 / 3600 / rate * 1e6)


# -- GPUs -------------------------------------------------------------------------------------------------------------


class Memory:
    used, total = 20 << 30, 24 << 30


class Use:
    gpu = 87


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> dict[int, int]:
    """Two cards behind the real library's own functions; the second one tells nobody its temperature and use."""
    heat = {0: 61}

    def refuse(_: Any, *__: Any) -> Any:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)

    def of_the_first(value: Any) -> Any:
        return lambda device, *_: value(device) if device == 0 else refuse(device)

    for name, function in {
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlDeviceGetCount": lambda: 2,
        "nvmlDeviceGetHandleByIndex": lambda number: number,
        "nvmlDeviceGetName": lambda device: [b"NVIDIA A10\x1b[2J", "NVIDIA GRID"][device],
        "nvmlDeviceGetMemoryInfo": lambda _: Memory,
        "nvmlDeviceGetUtilizationRates": of_the_first(lambda _: Use),
        "nvmlDeviceGetCudaComputeCapability": of_the_first(lambda _: (8, 6)),
        "nvmlDeviceGetTemperature": of_the_first(heat.__getitem__),
    }.items():
        assert hasattr(pynvml, name)
        monkeypatch.setattr(pynvml, name, function)
    return heat


async def test_what_a_gpu_does_not_tell_is_unknown_and_peaks_stay(two_gpus: dict[int, int]) -> None:
    gpus = Gpus(look_s=0.001)
    watching = asyncio.create_task(gpus.run(lambda: None))
    await until(lambda: len(gpus.view()) == 2)
    two_gpus[0] = 55
    await until(lambda: gpus.view()[0].celsius == 55)
    first, second = gpus.view()
    assert (first.name, first.use, first.memory_used, first.memory) == ("NVIDIA A10␛[2J", 0.87, 20 << 30, 24 << 30)
    assert first.peaks == {"use": 0.87, "memory_used": 20 << 30, "celsius": 61}
    assert (first.compute, second.compute) == ((8, 6), None)
    assert (second.use, second.celsius, second.memory_used) == (None, None, 20 << 30)
    gpus.reset_peaks()
    await until(lambda: gpus.view()[0].peaks.get("celsius") == 55)
    watching.cancel()
    async with running(make_server(gpus=gpus.view)) as server, httpx.AsyncClient() as client:
        host, port = server.address
        page = (await client.get(f"http://{host}:{port}/metrics")).text
    assert 'miner_gpu_temperature_celsius{gpu="0",name="NVIDIA A10␛[2J"} 55.0' in page
    assert 'miner_gpu_use_ratio{gpu="1"' not in page


async def test_a_library_that_hangs_holds_nothing_up_and_its_last_words_grow_old() -> None:
    hangs, asked = threading.Event(), 0

    def read() -> list[GpuView]:
        nonlocal asked
        asked += 1
        if asked == 2:
            hangs.wait(10)
        return [GpuView(number=0, name="A10", use=0.5, memory=1)]

    gpus = Gpus(read, look_s=0.001, stale_s=0.05)
    watching = asyncio.create_task(gpus.run(lambda: None))
    await until(lambda: asked == 2)
    await until(lambda: gpus.view()[0].use is None)
    assert gpus.view() == (GpuView(number=0, name="A10", memory=1, peaks={"use": 0.5}),)
    hangs.set()
    await until(lambda: gpus.view()[0].use == 0.5)
    watching.cancel()


def test_without_a_driver_there_are_no_gpus() -> None:
    """The library itself, on a machine that may have none: it does not raise."""
    assert all(isinstance(one, GpuView) for one in read_gpus())
