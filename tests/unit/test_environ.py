"""What processes that we start learn about our environment."""

import pytest

from engine.environ import harmless
from engine.redaction import know


@pytest.mark.parametrize(
    "name",
    ["PATH", "HOME", "LANG", "LC_ALL", "PYTHONPATH", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "HF_HOME",
     "TOKENIZERS_PARALLELISM", "SSL_CERT_FILE", "TMUX"],
)  # fmt: skip
def test_what_a_process_needs_is_handed_on(name: str) -> None:
    assert harmless({name: "x"}) == {name: "x"}


@pytest.mark.parametrize(
    "name",
    ["SUBNET_CONSOLE_API_KEY", "OPENAI_API_KEY", "HF_TOKEN", "NVIDIA_API_KEY", "WALLET_PASSWORD", "AWS_SECRET",
     "HTTPS_PROXY", "ANYTHING", "XDG_TOKEN", "TORCH_AUTH"],
)  # fmt: skip
def test_nothing_else_is(name: str) -> None:
    assert harmless({name: "x"}) == {}


def test_a_variable_with_a_known_secret_in_it_is_not_handed_on_whatever_its_name() -> None:
    know("a-known-secret")
    assert harmless({"PYTHONPATH": "/srv/a-known-secret/lib", "PATH": "/bin"}) == {"PATH": "/bin"}
