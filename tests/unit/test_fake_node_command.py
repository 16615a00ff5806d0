"""`python -m tests.fake_node`, as docs/real-network.md and CONTRIBUTING.md have people run it."""

import pytest

from tests.fake_node.__main__ import _arguments


def test_its_options_are_those_of_the_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["fake_node", "--neurons", "9", "--fund", "a", "b", "--adopt", "c"])
    given = _arguments()
    assert (given.neurons, given.fund, given.adopt) == (9, ["a", "b"], ["c"])
