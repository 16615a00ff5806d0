"""The models: the encoder that judges answers, and the backend that gives them."""

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from urllib.parse import urlsplit

from msgspec import Struct

from console.doctor.case import Case
from console.doctor.chain import ANYWHERE
from console.findings import Result, critical, ok, skipped, warning
from console.roles.miner import backend_of
from engine.judge.encoding.basics import EncoderError, packaged_minilm
from engine.plugins import PluginError
from engine.settings import Settings
from engine.snapshot import ServerView
from engine.text import safe
from engine.transport.wire import Completion
from engine.values import Request
from miner_server.backends.interface import Backend, Spacious, require_answer
from miner_server.backends.llamacpp_bindings import installed_binding, packaged_model
from miner_server.backends.registry import LOCAL_SERVERS
from miner_server.errors import BackendError, MinerError, OutOfRoom
from miner_server.readiness import STARTING

CONNECT_S = 2.0
LONGEST_S = 60.0
LOAD_S = 25.0
"""How long to wait for a model that is loading."""

ANSWER_S = 30.0
QUESTION = Request(prompt="Count from one to thirty, in words.", max_tokens=64, temperature=0.0)
"""A question whose answer is long enough to measure the speed."""

SLOW_PER_S = 5.0
"""At this many tokens a second, an answer of 300 tokens takes the minute that the Loosh subnet's validators wait."""

ASKED_TOKENS = 12_288
"""The longest answer that the Loosh subnet's validators ask for, in tokens."""

STILL_LOADING = "loading"
"""Words by which our backends say that their model is still loading."""


PORTS = {"https": 443, "redis": 6379, "rediss": 6379}


def encoder(case: Case) -> Result:
    """The encoder that turns answers into vectors."""
    spec = case.settings.encoder
    if case.settings.role == "miner":
        return skipped("encoder", "a miner does not judge")
    if case.snapshot is not None and case.snapshot.encoder not in ("", spec):
        return warning(
            "encoder",
            f"{case.snapshot.encoder} is in use, not {spec}",
            why=f"{spec} could not be loaded when the engine started, or was configured later.",
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
    return listening(
        "encoder",
        spec,
        url,
        why="No round is scored while the server is unreachable.",
        do="Start the server, or set its URL with --encoder-url.",
    )


def chat_model(case: Case) -> Iterator[Result]:
    """A miner's backend, tested with a real question, or the demo's only real model."""
    settings = case.settings
    if settings.role == "validator":
        yield skipped("backend", "a validator answers no challenges")
    elif settings.role == "demo":
        yield _llamacpp(case, warning, why="The demo runs without llm-1, its only real model.")
    elif case.snapshot is not None and case.snapshot.server is not None:
        yield from _running(case.snapshot.server)
    elif (fault := _fault(case)) is not None:
        yield fault
    elif settings.backend == "scripted":
        yield ok("backend", "scripted, which needs no model")
    else:
        yield from asyncio.run(_asked(settings))


def _running(server: ServerView) -> Iterator[Result]:
    """What the running miner reports about its backend; `reach` sends a challenge."""
    if not server.ready:
        yield critical(
            "backend",
            f"{server.backend} cannot answer: {server.readiness}",
            why="Every challenge is refused as not ready.",
            do="Fix what the reason names; the log has more.",
        )
        return
    yield ok("backend", f"{server.backend} with {server.model or 'no model'} answers, p50 {server.p50_ms:.0f} ms")


def _fault(case: Case) -> Result | None:
    """What is wrong with the backend's settings, as far as can be told without asking it."""
    settings = case.settings
    match settings.backend:
        case "scripted":
            return None
        case "llamacpp":
            found = _llamacpp(case, critical, why="The miner has nothing to answer with.")
            return None if found.state == "OK" else found
        case "openai" | "ollama" | "vllm":
            url = settings.backend_url or LOCAL_SERVERS.get(settings.backend, ("", ""))[0]
            if _is_own(url, settings.host, settings.port):
                return critical(
                    "backend",
                    f"{settings.backend} at {url} is the miner's own address",
                    why="The miner would ask itself, so it refuses every challenge as not ready.",
                    do="Set the model server's URL with --backend-url, or give the miner another --port.",
                )
            found = _server(settings.backend, url)
            return None if found.state == "OK" else found
        case _:
            found = _plugin(settings)
            return None if found.state == "OK" else found


class _Answer(Struct, frozen=True):
    """An answer, and how long it took from the question to its first piece and to its end, in seconds."""

    completion: Completion
    first_s: float
    whole_s: float

    @property
    def tokens(self) -> int:
        return self.completion.usage.get("completion_tokens", 0)


async def _asked(settings: Settings) -> list[Result]:
    """Ask the backend a question, and report how it answered."""
    try:
        backend = backend_of(settings)
    except MinerError as error:
        return [_no_answer(settings, str(error))]
    try:
        why = await _until_ready(backend)
        if why:
            return [_no_answer(settings, why)]
        async with asyncio.timeout(ANSWER_S):
            answer = await _answered(backend)
        context = backend.context if isinstance(backend, Spacious) else None
        return [_speed(backend, answer), *_room(settings, context)]
    except TimeoutError:
        return [_no_answer(settings, f"no answer within {ANSWER_S:g} s")]
    except BackendError as error:
        return [_no_answer(settings, str(error))]
    finally:
        await backend.close()


async def _until_ready(backend: Backend) -> str:
    """Why the backend cannot answer; "" if it can. Waits for a model that is loading, and for those of a pool."""
    until = time.monotonic() + LOAD_S
    while why := await backend.readiness():
        if not any(word in why for word in (STILL_LOADING, STARTING)) or time.monotonic() >= until:
            return safe(why)
        await asyncio.sleep(0.1)
    return ""


async def _answered(backend: Backend) -> _Answer:
    """Raises BackendError."""
    began = time.monotonic()
    pieces: list[float] = []
    completion = await backend.complete(
        QUESTION, timeout=ANSWER_S, on_text=lambda *_: pieces.append(time.monotonic() - began)
    )
    whole_s = time.monotonic() - began
    with suppress(OutOfRoom):  # it used up its tokens thinking, so it works
        require_answer(completion, QUESTION)
    return _Answer(completion, pieces[0] if pieces else whole_s, whole_s)


def _no_answer(settings: Settings, why: str) -> Result:
    return critical(
        "backend",
        f"{settings.backend} cannot answer: {why}",
        why="Until it can, every challenge is refused as not ready.",
        do=f"Fix what the reason names, then make sure that {settings.backend} answers.",
    )


def _speed(backend: Backend, answer: _Answer) -> Result:
    per_s = answer.tokens / answer.whole_s if answer.tokens else None
    speed = f"{per_s:.1f} tokens a second" if per_s is not None else "number of tokens unknown"
    text = f"{backend.name} with {safe(backend.model)} answers, first piece after {answer.first_s:.2f} s, {speed}"
    if per_s is not None and per_s < SLOW_PER_S:
        return warning(
            "backend",
            text,
            why=f"Below {SLOW_PER_S:g} tokens a second an answer of 300 tokens takes longer than validators wait.",
            do="Use a smaller or more quantised model, or a GPU; make sure that nothing else uses the machine.",
        )
    return ok("backend", text)


def _room(settings: Settings, context: int | None) -> Iterator[Result]:
    """Whether questions and answers fit into the model's context."""
    if context is None:
        yield skipped("context", f"{settings.backend} does not report its model's context length")
    elif settings.backend_context and settings.backend_context > context:
        yield warning(
            "context",
            f"{context:,} tokens, although backend_context is {settings.backend_context:,}",
            why="The server was started with less than is configured here, and refuses longer requests.",
            do=f"Start the model server with that context length, or set backend_context = {context}.",
        )
    elif context < ASKED_TOKENS and not settings.embedded:
        yield warning(
            "context",
            f"{context:,} tokens, and validators may ask for answers of {ASKED_TOKENS:,}",
            why="Longer answers are cut, and longer questions refused.",
            do="Use a model with a longer context, or start its server with one (vLLM: --max-model-len).",
        )
    else:
        yield ok("context", f"{context:,} tokens")


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
    return ok("backend", f"{settings.backend}, from an installed package; it loads")


def _server(name: str, url: str) -> Result:
    if not url:
        return critical(
            "backend",
            f"{name} has no URL",
            why="The miner has nothing to answer with.",
            do="Set its URL with --backend-url, such as https://models.example/v1.",
        )
    return listening(
        "backend",
        name,
        url,
        why="Until the model server answers, every challenge is refused as not ready.",
        do=f"Start {name}, or set its URL with --backend-url.",
    )


def _is_own(url: str, host: str, port: int) -> bool:
    """Whether a URL leads to the miner's own address, by any name or address of this machine."""
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
    """Whether an address belongs to this machine: nothing can listen on others."""
    family = socket.AF_INET6 if ":" in str(address) else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True


def listening(check: str, name: str, url: str, *, why: str, do: str) -> Result:
    """Whether anything listens at the server's address."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or PORTS.get(parts.scheme, 80)
    try:
        socket.create_connection((host, port), timeout=CONNECT_S).close()
    except OSError as error:
        return warning(check, f"nothing answers at {host}:{port} ({error.strerror or error})", why=why, do=do)
    return ok(check, f"{name} listens at {host}:{port}")
