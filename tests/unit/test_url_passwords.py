"""A password in a URL is shown nowhere: not in the settings, not by the doctor, not in an error."""

import json
from pathlib import Path

import pytest

from console.cli import main
from console.config import shown as shown_settings
from console.errors import ExitCode
from engine.settings import configure
from tests.unit.command_helpers import shown


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, which is also where a command looks for `.env`."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("url", "shown_as"),
    [
        ("http://user:pa55w0rd@h:1/v1", "http://user:******@h:1/v1"),
        ("http://user:pw@h/v1", "http://user:******@h/v1"),
        ("http://tokentoken@h/v1", "http://******@h/v1"),
        ("http://user:pa@55@h/v1", "http://user:******@h/v1"),
        ("http://user:pa/ss@h/v1", "http://user:******@h/v1"),
        ("http://user:pa%2Fss?w#rd@h/v1", "http://user:******@h/v1"),
        ("http://h/v1?api_key=s3cr3t&x=1", "http://h/v1?api_key=******&x=1"),
        ("http://h/v1?x=1&Access-Token=s3cr3t#sig=zz", "http://h/v1?x=1&Access-Token=******#sig=******"),
        ("http://h:8000/v1/model@2?x=1", "http://h:8000/v1/model@2?x=1"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
    ],
)
@pytest.mark.parametrize("name", ["backend_url", "encoder_url", "network"])
def test_no_password_in_a_url_is_shown(name: str, url: str, shown_as: str, capsys: pytest.CaptureFixture[str]) -> None:
    if name == "network":
        url, shown_as = url.replace("http://", "wss://"), shown_as.replace("http://", "wss://")
    flag = "--" + name.replace("_", "-")
    if name == "network" and "pa/ss" in url:  # "pa" would be the port: no address of a node
        assert main(["config", "show", flag, url]) == ExitCode.USAGE
        assert f"not '{shown_as}'" in capsys.readouterr().err
        return
    assert shown(capsys, "--role", "miner", flag, url)[name]["value"] == shown_as
    Path("c.toml").write_text(f"{name} = {json.dumps(url)}\n")
    assert main(["config", "show", "--role", "miner", "--config", "c.toml"]) == ExitCode.DONE
    assert f'"{shown_as}"' in capsys.readouterr().out
    configuration = configure({}, config=Path("c.toml"), environ={})
    assert next(row.value for row in shown_settings(configuration) if row.name == name) == f'"{shown_as}"'
    main(["doctor", "--role", "miner", "--backend", "openai", flag, url])
    out, err = capsys.readouterr()
    assert url not in out + err or url == shown_as
    assert main(["config", "show", flag, f" {url} "]) == ExitCode.USAGE
    assert url == shown_as or url not in capsys.readouterr().err
