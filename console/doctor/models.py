"""The models: the encoder that judges answers, and the backend that gives them."""

import socket
from collections.abc import Callable
from importlib.util import find_spec
from urllib.parse import urlsplit

from console.doctor.case import Case
from console.doctor.chain import ANYWHERE
from console.findings import Result, critical, ok, skipped, warning
from console.roles.miner import backend_of
from engine.judge.encoding.basics import EncoderError, packaged_minilm
from engine.plugins import PluginError
from engine.settings import Settings
from miner_server.backends.llamacpp_bindings import installed_binding, packaged_model
from miner_server.backends.registry import LOCAL_SERVERS
from miner_server.errors import MinerError

CONNECT_S = 2.0


def encoder(case: Case) -> Result:
    """The encoder that turns answers into vectors."""
    spec = case.settings.encoder
    if case.settings.role == "miner":
        return skipped("encoder", "a miner does not judge")
    if case.snapshot is not None and case.snapshot.encoder not in ("", spec):
        return warning(
            "encoder",
            f"{case.snapshot.encoder} is in use, not {spec}",
            why=f"{spec} could not be loaded when the engine started, or was set later.",
            do="See the log for the error, then restart.",
        )
    if spec.startswith("sentence-transformers:"):
        return _torch(spec)
    if spec.startswith("openai:"):
        return _endpoint(spec, case.settings.encoder_url)
    if spec != "minilm":
        return ok("encoder", f"{spec}, which needs no model")
    try:
        path = packaged_minilm()
    except EncoderError as error:
        return critical(
            "encoder",
            str(error),
            why="No answer can be judged without it.",
            do="Reinstall subnet-console, or choose another with --encoder.",
        )
    return ok("encoder", f"minilm, {path.stat().st_size / 1e6:.0f} MB, the pinned file")


def _torch(spec: str) -> Result:
    if find_spec("sentence_transformers") is None:
        return critical(
            "encoder",
            f"{spec} needs the extra torch",
            why="No answer can be judged without it.",
            do="Install subnet-console[torch], or choose --encoder minilm.",
        )
    return ok("encoder", f"{spec}; the model is loaded when the first answer is judged")


def _endpoint(spec: str, url: str) -> Result:
    if not url:
        return critical(
            "encoder",
            f"{spec} has no URL",
            why="No answer can be judged without it.",
            do="Set its URL with --encoder-url, such as https://models.example/v1.",
        )
    return _listening(
        "encoder",
        spec,
        url,
        why="No round is scored while the server is unreachable.",
        do="Start the server, or set its URL with --encoder-url.",
    )


def chat_model(case: Case) -> Result:
    """What answers: a miner's backend, or the one real model of the demo."""
    settings = case.settings
    if settings.role == "validator":
        return skipped("backend", "a validator does not answer")
    if settings.role == "demo":
        return _llamacpp(case, warning, why="The demo runs without llm-1, its only real model.")
    match settings.backend:
        case "scripted":
            return ok("backend", "scripted, which needs no model")
        case "llamacpp":
            return _llamacpp(case, critical, why="The miner has nothing to answer with.")
        case "openai" | "ollama" | "vllm":
            url = settings.backend_url or LOCAL_SERVERS.get(settings.backend, ("", ""))[0]
            if _is_own(url, settings.host, settings.port):
                return critical(
                    "backend",
                    f"{settings.backend} at {url} is the miner's own address",
                    why="The miner would ask itself, so it refuses every challenge as not ready.",
                    do="Set the model server's URL with --backend-url, or give the miner another --port.",
                )
            return _server(settings.backend, url)
        case _:
            return _plugin(settings)


def _llamacpp(case: Case, problem: Callable[..., Result], *, why: str) -> Result:
    try:
        installed_binding()
        path = case.settings.model_path or packaged_model()
        size = path.stat().st_size
    except MinerError as error:
        do = "Install what is missing, or set --model-path to a .gguf file."
        return problem("backend", str(error), why=why, do=do)
    except OSError as error:
        return problem(
            "backend",
            f"the model file {case.settings.model_path} cannot be read ({error.strerror})",
            why=why,
            do="Set --model-path to a .gguf file.",
        )
    return ok("backend", f"llamacpp with {path.name}, {size / 1e6:.0f} MB")


def _plugin(settings: Settings) -> Result:
    try:
        backend_of(settings)
    except (MinerError, PluginError) as error:
        return critical(
            "backend",
            str(error),
            why="The miner has nothing to answer with.",
            do="Repair or reinstall the package that provides it, or choose another --backend.",
        )
    return ok("backend", f"{settings.backend}, from an installed package; it can be opened")


def _server(name: str, url: str) -> Result:
    if not url:
        return critical(
            "backend",
            f"{name} has no URL",
            why="The miner has nothing to answer with.",
            do="Set its URL with --backend-url, such as https://models.example/v1.",
        )
    return _listening(
        "backend",
        name,
        url,
        why="Until the model server answers, every challenge is refused as not ready.",
        do=f"Start {name}, or set its URL with --backend-url.",
    )


def _is_own(url: str, host: str, port: int) -> bool:
    """Whether a URL leads to where the miner listens, by any name or address of this machine."""
    try:
        parts = urlsplit(url)
        if port == 0 or (parts.port or (443 if parts.scheme == "https" else 80)) != port:
            return False
        asked = {info[4][0] for info in socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)}
        listens = {info[4][0] for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except (OSError, ValueError):
        return False
    return bool(asked & listens) or (bool(listens & set(ANYWHERE)) and any(map(_is_here, asked)))


def _is_here(address: str | int) -> bool:
    """Whether an address is one of this machine's: nothing can listen on others."""
    family = socket.AF_INET6 if ":" in str(address) else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True


def _listening(check: str, name: str, url: str, *, why: str, do: str) -> Result:
    """Whether anything listens where a server should."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((host, port), timeout=CONNECT_S).close()
    except OSError as error:
        return warning(check, f"nothing answers at {host}:{port} ({error.strerror or error})", why=why, do=do)
    return ok(check, f"{name} listens at {host}:{port}")
