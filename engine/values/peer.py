"""Where a neuron can be asked."""

from msgspec import Struct


class Peer(Struct, frozen=True):
    """Where a neuron can be asked, and in which dialect; "" is the usual one."""

    hotkey: str
    host: str
    port: int
    dialect: str = ""


def at_port(host: str, port: int) -> str:
    """HOST:PORT, with an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def host_and_port(text: str) -> tuple[str, int]:
    """The reverse of `at_port`. Raises ValueError where there is no host, or no port from 1 to 65535."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) <= 65_535:
        raise ValueError(f"{text!r} is not HOST:PORT")
    return host, int(port)
