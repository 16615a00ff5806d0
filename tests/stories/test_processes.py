"""Five processes on one Redis: two gateways, the demo's validator, two asking workers, of which one is killed."""

import signal
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import openai
import pytest

from tests.redis_server import RedisServer, a_redis
from tests.stories.console import Run, exported, finished, running, running_service, wait_until

pytestmark = pytest.mark.slow

ASKED = 120
AT_ONCE = 16


class Processes:
    """What runs: `urls` are the gateways'."""

    def __init__(self, redis: RedisServer, console: Run, urls: list[str], workers: list[Run], key: str) -> None:
        self.redis = redis
        self.console = console
        self.urls = urls
        self.workers = workers
        self.key = key

    def client(self, place: int) -> openai.OpenAI:
        return openai.OpenAI(base_url=self.urls[place], api_key=self.key, max_retries=0, timeout=60)


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    folder = tmp_path
    with ExitStack() as stack:
        redis = stack.enter_context(a_redis())
        launched = ("--data-dir", str(folder), "--seed", "7", "--miners", "6", "--redis", redis.url)
        console = stack.enter_context(running(*launched))
        console.wait_for("round", 1)
        ports = [_free_port() for _ in range(2)]
        for port in ports:
            listening = ("--host", "127.0.0.1", "--port", str(port))
            stack.enter_context(running_service("gateway", "--redis", redis.url, *listening)).wait_for("started")
        asking = ("--redis", redis.url, "--data-dir", str(folder), "--allow-private")
        workers = [stack.enter_context(running_service("worker", *asking)) for _ in range(2)]
        for worker in workers:
            worker.wait_for("started")
        limits = ("--tokens-per-month", "10000000", "--requests-per-month", "1000")
        key = finished("keys", "add", "me", *limits, "--data-dir", str(folder)).stdout.strip()
        found = Processes(redis, console, [f"http://127.0.0.1:{port}/v1" for port in ports], workers, key)
        wait_until(lambda: all(_answers(found, place) for place in range(2)), "the gateways answer")
        yield found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(processes: Processes, place: int) -> bool:
    try:
        _ask(processes, place, "What is 2 plus 3?")
    except openai.OpenAIError:
        return False
    return True


def _ask(processes: Processes, place: int, question: str) -> tuple[str, str]:
    """The round and the text of an answer."""
    raw = processes.client(place).chat.completions.with_raw_response.create(
        model="subnet", messages=[{"role": "user", "content": question}]
    )
    return raw.headers["x-subnet-round"], raw.parse().choices[0].message.content or ""


def test_five_processes_serve_a_load_whatever_ends(processes: Processes, tmp_path: Path) -> None:
    a_load_is_answered_once_each_while_a_worker_is_killed(processes, tmp_path)
    with_redis_away_a_gateway_says_when_to_come_back_and_the_validator_goes_on(processes)
    the_templates_services_meet_in_it_too(processes, tmp_path)
    code, seconds = processes.workers[1].stop(signal.SIGTERM)
    assert (code, seconds < 10) == (0, True), "a signal ends a service cleanly"


def a_load_is_answered_once_each_while_a_worker_is_killed(processes: Processes, folder: Path) -> None:
    killed, began = threading.Event(), threading.Semaphore(0)
    outcomes: list[tuple[str, str] | int] = []

    def ask(number: int) -> None:
        began.release()
        try:
            outcomes.append(_ask(processes, number % 2, f"What is {number} plus 1?"))
        except openai.APIStatusError as error:
            outcomes.append(error.status_code)

    def kill() -> None:
        for _ in range(ASKED // 3):
            began.acquire()
        processes.workers[0].process.send_signal(signal.SIGKILL)
        killed.set()

    threading.Thread(target=kill, daemon=True).start()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(ask, range(ASKED)))
    assert killed.is_set()
    answered = [one for one in outcomes if isinstance(one, tuple)]
    assert len(outcomes) == ASKED, "every request has one outcome"
    refused = Counter(one for one in outcomes if isinstance(one, int))
    assert set(refused) <= {502, 503}, "the rest is refused, in words"
    assert len(answered) > ASKED * 0.9, refused
    assert len({round for round, _ in answered}) == len(answered), "no answer is given twice"
    asked_alive = {round for round, _ in answered}
    wait_until(
        lambda: len(asked_alive & {row["id"] for row in exported("rounds", folder)}) >= len(answered) - AT_ONCE,
        "the rounds of the workers are recorded",
    )
    rows = [row["id"] for row in exported("rounds", folder)]
    assert len(rows) == len(set(rows)), "no round is recorded twice"


def with_redis_away_a_gateway_says_when_to_come_back_and_the_validator_goes_on(processes: Processes) -> None:
    processes.redis.stop()
    refused: list[httpx.Response] = []

    def is_refused() -> bool:
        reply = httpx.post(
            f"{processes.urls[0]}/chat/completions",
            json={"model": "subnet", "messages": [{"role": "user", "content": "Hello?"}]},
            headers={"authorization": f"Bearer {processes.key}"},
            timeout=60,
        )
        refused.append(reply)
        return reply.status_code == 503

    wait_until(is_refused, "the gateway refuses")
    assert int(refused[-1].headers["retry-after"]) >= 1
    assert refused[-1].json()["error"]["message"]
    done = len(processes.console.named("round"))
    processes.console.wait_for("round", done + 2)
    processes.redis.start()
    wait_until(lambda: _answers(processes, 1), "it answers again")


def the_templates_services_meet_in_it_too(processes: Processes, folder: Path) -> None:
    """A sidecar looks at the demo's chain, and a managing service has its nodes."""
    ports, redis = {name: _free_port() for name in ("sidecar", "managing")}, ("--redis", processes.redis.url)
    with (
        running_service("sidecar", *redis, "--data-dir", str(folder), "--port", str(ports["sidecar"])),
        running_service("managing", *redis, "--port", str(ports["managing"])),
    ):
        url = f"http://127.0.0.1:{ports['sidecar']}/api"
        wait_until(lambda: _code(f"{url}/nodes") == 200, "the sidecar tells nodes")
        own = httpx.get(f"{url}/status").json()
        assert own["status"] == "registered"
        wanted = {"validator_hotkey": own["ss58_address"], "sample_size": 2}
        asking = f"http://127.0.0.1:{ports['managing']}/api/consume"
        wait_until(lambda: _code(asking.replace("consume", "get-scores")) == 200, "the managing service has them")
        assert len(httpx.post(asking, json=wanted).json()["axons"]) == 2


def _code(url: str) -> int:
    try:
        return httpx.get(url).status_code
    except httpx.TransportError:
        return 0


def test_a_service_without_its_redis_is_told_what_it_needs() -> None:
    done = finished("service", "worker")
    assert (done.returncode, "--redis URL is needed" in done.stderr) == (2, True), done.stderr
