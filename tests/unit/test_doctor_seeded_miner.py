"""What is wrong with a miner's server, its backend and its way from outside is named by the doctor, with what to do."""

import errno
import os
import socket
from typing import Any

import pytest
from msgspec.structs import replace

from console.doctor import models
from engine.snapshot import CallerView
from tests.unit.chain_helpers import key
from tests.unit.doctor_seeds import Host, Seeds, require_named
from tests.unit.miner_helpers import ObedientBackend
from tests.unit.model_server_helpers import chat

SEEDS = Seeds()


@SEEDS.add("port", "address already in use")
def the_port_is_taken(host: Host) -> None:
    host.settings["port"] = int(host.serving().rpartition(":")[2])


@SEEDS.add("port", os.strerror(errno.EADDRNOTAVAIL).lower())
def the_host_is_not_this_machine(host: Host) -> None:
    host.settings |= {"host": "192.0.2.1", "port": 8091}


@SEEDS.add("callers", "192.0.2.7")
def a_proxy_hides_the_callers(host: Host) -> None:
    two = [
        CallerView(hotkey=one, allowed=True, requests=1, ok=1, p50_ms=1.0, last_at=1.0, host="192.0.2.7")
        for one in ("5A", "5B")
    ]
    host.at_engine(callers=tuple(two))


@SEEDS.add("axon", "but the miner listens at", "reach")
def another_port_is_announced(host: Host) -> None:
    host.at_engine(at="127.0.0.1:1")


@SEEDS.add("reach", "nothing answers at 127.0.0.1:1 from here", "axon")
def the_announced_port_is_closed(host: Host) -> None:
    host.at_engine(at="127.0.0.1:1")


@SEEDS.add("reach", "check the port forwarding", "axon")
def the_announced_address_is_another_miners(host: Host) -> None:
    host.at_engine(at=host.serving())


@SEEDS.add("reach", "500")
def challenges_fail_behind_the_announced_address(host: Host) -> None:
    class Broken(ObedientBackend):
        async def complete(self, *_: Any, **__: Any) -> Any:
            raise RuntimeError("broken")

    host.at_engine(Broken())


@SEEDS.add("backend", "cannot answer: its model is gone")
def the_running_miners_backend_is_not_ready(host: Host) -> None:
    host.at_engine()
    assert host.running is not None and host.running.server is not None
    unready = replace(host.running.server, ready=False, readiness="its model is gone")
    host.running = replace(host.running, server=unready)


@SEEDS.add("backend", "nothing answers at 127.0.0.1:1")
def the_model_server_is_down(host: Host) -> None:
    host.settings["backend_url"] = "http://127.0.0.1:1/v1"


@SEEDS.add("backend", "has no URL")
def the_model_server_is_not_named(host: Host) -> None:
    host.settings["backend_url"] = ""


@SEEDS.add("backend", "does not take the API key")
def the_api_key_is_wrong(host: Host) -> None:
    host.served.models_status = 401


@SEEDS.add("backend", "does not serve other-model")
def the_model_is_not_served(host: Host) -> None:
    host.settings["backend_model"] = "other-model"


@SEEDS.add("backend", "the model's answer is empty")
def the_model_says_nothing(host: Host) -> None:
    host.served.reply = chat("")


@SEEDS.add("backend", "cannot answer")
def the_model_server_sends_garbage(host: Host) -> None:
    host.served.reply = b"<html>502</html>"


@SEEDS.add("backend", "tokens a second")
def the_model_is_slow(host: Host) -> None:
    host.patch.setattr(models, "SLOW_PER_S", 1e9)


@SEEDS.add("backend", "is the miner's own address")
def the_miner_would_ask_itself(host: Host) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    host.settings |= {"port": port, "backend": "vllm", "backend_url": f"http://localhost:{port}/v1"}


@SEEDS.add("context", "although backend_context is 65,536")
def the_server_has_less_context_than_set(host: Host) -> None:
    host.settings["backend_context"] = 65_536


@SEEDS.add("context", "validators may ask for answers of 12,288")
def the_context_is_short(host: Host) -> None:
    host.served.models = [{"id": "tiny", "max_model_len": 2048}]
    host.at_node()


@SEEDS.add("backend", "gone.gguf")
def the_model_file_is_gone(host: Host) -> None:
    host.settings |= {"backend": "llamacpp", "model_path": str(host.home / "gone.gguf")}


@SEEDS.add("encoder", "has no URL")
def the_encoder_has_no_url(host: Host) -> None:
    host.settings |= {"role": "validator", "encoder": "openai:tiny"}


@SEEDS.add("encoder", "needs the extra torch")
def the_encoder_is_not_installed(host: Host) -> None:
    host.patch.setattr(models, "find_spec", lambda _name: None)
    host.settings |= {"role": "validator", "encoder": "sentence-transformers:some/model"}


@SEEDS.add("doors", "metrics and port are both at port ")
def two_doors_are_at_one_port(host: Host) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    host.settings |= {"port": port, "metrics": str(port)}


@SEEDS.add("doors", "metrics and gateway are both at port 8124", "API keys")
def the_gateway_and_the_metrics_are_at_one_port(host: Host) -> None:
    host.settings |= {"role": "validator", "gateway": "0.0.0.0:8124", "metrics": "127.0.0.1:8124"}


@SEEDS.add("API keys", "there is no key yet")
def nobody_has_a_key(host: Host) -> None:
    host.settings["openai"] = True


@SEEDS.add("backend vllm", "nothing answers at 127.0.0.1:1 ")
def the_second_backend_is_down(host: Host) -> None:
    host.settings["more_backends"] = ["vllm@http://127.0.0.1:1/v1"]


@SEEDS.add("questions", "gone.jsonl")
def the_questions_are_gone(host: Host) -> None:
    host.settings |= {"role": "validator", "challenges": str(host.home / "gone.jsonl")}


@SEEDS.add("questions", "1 of the first 2 lines")
def a_question_is_none(host: Host) -> None:
    path = host.home / "q.jsonl"
    path.write_text('{"id": "q1", "prompt": "What is 41 plus 1?"}\nnonsense\n')
    host.settings |= {"role": "validator", "challenges": str(path)}


@SEEDS.add("questions", "holds no question; line 1: ")
def no_question_is_one(host: Host) -> None:
    path = host.home / "q.jsonl"
    path.write_text("nonsense\n")
    host.settings |= {"role": "validator", "challenges": str(path)}


@SEEDS.add("redis", "nothing answers at 127.0.0.1:1 ")
def redis_is_down(host: Host) -> None:
    host.settings |= {"role": "validator", "redis": "redis://127.0.0.1:1/0"}


@SEEDS.add("on_attention", "there is no program /no/such/program")
def whoever_is_told_is_not_there(host: Host) -> None:
    host.settings["on_attention"] = "/no/such/program --now"


@SEEDS.add("neuron 127.0.0.1:1", "it cannot be reached from here")
def a_named_neuron_is_out_of_reach(host: Host) -> None:
    host.settings["neurons"] = [f"{key('Bob').ss58_address}@127.0.0.1:1"]


@pytest.mark.parametrize("wrong", SEEDS)
def test_it_is_named_and_nothing_else_is(wrong: str, host: Host) -> None:
    require_named(SEEDS[wrong], host)
