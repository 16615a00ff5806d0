"""What the settings name besides: doors, questions, further backends, Redis, users' keys, and whom to tell.

Nothing is said of what is not set.
"""

import shlex
import shutil
from collections.abc import Iterator
from itertools import combinations, islice
from pathlib import Path

from console.doctor.case import Case
from console.doctor.models import listening
from console.findings import Result, critical, ok, warning
from engine.api_keys import FILE_NAME, KeyFileError, read_keys
from engine.challenges import ChallengeError
from engine.challenges.sources.file import BadLine, read_challenges
from engine.settings import Settings
from engine.values import at_port, host_and_port
from miner_server.backends.registry import LOCAL_SERVERS

ANYWHERE = ("0.0.0.0", "::")
LOOPBACK = "127.0.0.1"
SEARCHED = 1000
"""Lines of a file of questions that are looked at: one that is wrong throughout shows it at once."""


def named(case: Case) -> Iterator[Result]:
    """All of them, one after the other."""
    settings = case.settings
    yield from _doors(settings)
    if settings.challenges is not None and settings.role == "validator":
        yield _questions(settings.challenges)
    if settings.role == "miner":
        yield from _more_backends(settings)
    if settings.redis and settings.role != "miner":
        yield _redis(settings.redis)
    if settings.on_attention:
        yield from _told(settings.on_attention)
    if settings.openai if settings.role == "miner" else settings.gateway:
        yield from _keys(case)


def _doors(settings: Settings) -> Iterator[Result]:
    """Two doors at one port: the second of them cannot open."""
    doors = {"metrics": settings.metrics}
    if settings.role == "miner":
        doors["port"] = at_port(settings.host, settings.port) if settings.port else ""
    else:
        doors |= {"page": settings.page, "gateway": settings.gateway, "pushed": settings.pushed}
    opened = {name: host_and_port(at if ":" in at else f"{LOOPBACK}:{at}") for name, at in doors.items() if at}
    for (one, (host, port)), (other, (other_host, other_port)) in combinations(opened.items(), 2):
        if port == other_port and (host == other_host or {host, other_host} & set(ANYWHERE)):
            yield critical(
                "doors",
                f"{one} and {other} are both at port {port}",
                why="Only one program, and one part of it, can listen at an address.",
                do=f"Give one of them another port with --{one} or --{other}.",
            )


def _questions(path: Path) -> Result:
    why, do = "It asks what is in the file, and nothing else.", "Correct the file, or leave --challenges out."
    try:
        read = list(islice(read_challenges(path), SEARCHED))
    except ChallengeError as error:
        return critical("questions", str(error), why=why, do=do)
    bad = [(number, one.reason) for number, one in read if isinstance(one, BadLine)]
    if len(bad) == len(read):
        first = f"; line {bad[0][0]}: {bad[0][1]}" if bad else ""
        return critical("questions", f"{path} holds no question{first}", why=why, do=do)
    if bad:
        text = f"{len(bad)} of the first {len(read)} lines of {path} are no questions; line {bad[0][0]}: {bad[0][1]}"
        return warning("questions", text, why="They are left out.", do=do)
    return ok("questions", f"{path} can be read")


def _more_backends(settings: Settings) -> Iterator[Result]:
    for spec in settings.more_backends:
        name, url, _ = spec.parts
        if address := url or LOCAL_SERVERS.get(name, ("", ""))[0]:
            yield listening(
                f"backend {name}",
                name,
                address,
                why="The other backends have to do its work.",
                do=f"Start {name}, or correct its --more-backend.",
            )


def _redis(url: str) -> Result:
    return listening(
        "redis",
        "Redis",
        url,
        why="Gateways and workers in processes of their own cannot reach this validator.",
        do="Start it, or correct --redis.",
    )


def _told(recipient: str) -> Iterator[Result]:
    """Whether the command is there; a webhook is not called, since a person would hear of it."""
    if recipient.lower().startswith(("http://", "https://")):
        return
    try:
        program = shlex.split(recipient)[0]
    except (ValueError, IndexError):
        program = recipient
    if shutil.which(program) is None:
        yield warning(
            "on_attention",
            f"there is no program {program}",
            why="Nobody is told of what needs a person.",
            do="Correct on_attention: a command that is installed and may be run, or a URL.",
        )


def _keys(case: Case) -> Iterator[Result]:
    """Whether anybody has a key. A file that cannot be used is among the private files, and ends the launch."""
    try:
        if read_keys(case.folder / FILE_NAME):
            return
    except KeyFileError as error:
        yield critical("API keys", str(error), why="The API opens for nobody.", do="Put the file right, and try again.")
        return
    yield warning(
        "API keys",
        "there is no key yet",
        why="Every request to OpenAI's API needs one, so nobody is answered.",
        do=f"Make one with `subnet-console keys add NAME --data-dir {shlex.quote(str(case.folder))}`.",
    )
