"""Every setting can be explained, written down and read again."""

import tomllib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.settings import Settings, SettingsError, declared, expected
from engine.settings.declared import DEMO
from engine.settings.setting import Given, Setting, read

SETTINGS = list(declared().values())
TOML_VALUES = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_it_is_described(setting: Setting) -> None:
    assert setting.description
    assert not setting.description.endswith(".")
    assert expected(setting)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_its_default_is_one_of_its_values(setting: Setting) -> None:
    default = getattr(Settings(), setting.name)
    if default not in (None, (), ""):
        assert read(setting, msgspec.to_builtins(default, enc_hook=str), is_text=False) == default
        assert read(setting, str(default), is_text=True) == default


def test_the_demos_defaults_are_values_too() -> None:
    for name, value in DEMO.items():
        assert read(declared()[name], value, is_text=False) == value


@given(st.sampled_from(SETTINGS), TOML_VALUES | st.text())
def test_any_value_is_taken_or_refused_with_its_place(setting: Setting, value: Any) -> None:
    for is_text in (False, isinstance(value, str)):
        try:
            taken = Given(value, "here", is_text=is_text).read(setting.name)
        except SettingsError as error:
            assert str(error).startswith(f"here: {setting.name} must be ")
        else:
            assert (
                msgspec.convert(
                    msgspec.to_builtins(taken, enc_hook=str), setting.type, dec_hook=lambda kind, value: kind(value)
                )
                == taken
            )


@pytest.mark.parametrize(
    "url",
    [
        "ws://[::1",
        "ws://::1",
        "ws://[::1]:99999",
        "ws://host:65536",
        "ws://host:0",
        "ws://host:port",
        "wss://",
        "ws://:1",
    ],
)
def test_an_endpoint_that_cannot_be_one_is_a_wrong_setting(url: str) -> None:
    for given_url in (url, f"finney,{url}"):
        with pytest.raises(ValueError, match="must be embedded"):
            read(declared()["network"], given_url, is_text=True)


@pytest.mark.parametrize(
    "url",
    [
        "ws://[::1]:9944",
        "ws://host",
        "wss://u:p@host:65535/a?b=c",
        "ws://a:1,ws://b:2",
        "local,wss://lite.example:443/",
    ],
)
def test_an_endpoint_has_a_host_and_perhaps_a_port_and_a_path(url: str) -> None:
    assert read(declared()["network"], url, is_text=True) == url


@given(st.text(max_size=200))
def test_no_file_breaks_the_reader(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    from engine.settings.config_file import read_file

    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text(text, encoding="utf-8", newline="")
    try:
        document = tomllib.loads(path.read_bytes().decode())
    except tomllib.TOMLDecodeError:
        document = None
    try:
        found = read_file(path)
    except SettingsError as error:
        assert str(error).startswith(str(path))
    else:
        assert document is not None
        assert set(found.values) == set(document) - {"profile"}
