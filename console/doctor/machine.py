"""This machine against `min_compute.yml`: ours, and a subnet's in the current folder.

What cannot be measured is unknown, not bad; nothing here blocks.
"""

import os
import platform
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from msgspec import Struct

from console.doctor.case import Case
from console.findings import Result, ok, skipped, warning
from engine.files import BYTE_ORDER_MARK, open_input
from engine.text import safe

SUBNETS = Path("min_compute.yml")
SPECIFICATION = Path(__file__).parents[2] / "min_compute.yml"
GB = 1_000_000_000
KERNELS_SHARE = 0.93
"""Memory sold as 2 GB shows up as slightly less: firmware and kernel reserve some."""

LARGEST = 1 << 20
DEEPEST, MOST, WIDEST = 3, 64, 80
"""Limits on the depth, length and name width of a specification's tables; the rest is not printed."""

SAME_ARCHITECTURE = {"amd64": "x86_64", "x64": "x86_64", "x86-64": "x86_64", "arm64": "aarch64"}

_NUMBER = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([kmgt])(?:i?b|hz)?|cores?)?", re.IGNORECASE)
_SCALE = {"k": 1e-6, "m": 1e-3, "g": 1.0, "t": 1e3}
_TEXTS = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_VERSION = re.compile(r"\d+(\.\d+)*")


class Measured(Struct, frozen=True, kw_only=True):
    """What was measured; None is unknown. Memory and disk in GB, speed in GHz."""

    cores: int | None = None
    ghz: float | None = None
    architecture: str = ""
    memory: float | None = None
    disk: float | None = None
    glibc: str = ""


def machine(
    case: Case, measured: Measured, specification: Path = SPECIFICATION, *, prefix: str = "machine"
) -> Iterator[Result]:
    """A result for each line that this role has in a specification and that can be judged, and one that names the rest.

    A line that is not there demands nothing. The results' names begin with `prefix`.
    """
    role = "miner" if case.settings.role == "miner" else "validator"
    try:
        lines = dict(_lines(_of_role(_document(specification), role)))
    except FileNotFoundError:
        yield skipped(prefix, f"{specification} does not exist")
        return
    except (OSError, ValueError) as error:
        yield skipped(prefix, f"{specification} cannot be read: {error}")
        return
    if not lines:
        yield skipped(prefix, f"{specification} does not mention a {role}")
        return
    judged: set[str] = set()
    for path, (name, unit, shape) in NUMBERS.items():
        least = _as_number(lines.get(path))
        if least is not None:
            judged.add(path)
            found = getattr(measured, MEASURED_AS[path])
            yield _number(f"{prefix}: {name}", found, least, unit, shape, f"{specification.name}, {role}")
    for path, (form, judge) in TEXTS.items():
        stated = lines.get(path)
        needed = stated.strip() if isinstance(stated, str) else ""
        if form.fullmatch(needed):
            judged.add(path)
            yield judge(f"{prefix}: {path.rpartition('.')[2]}", measured, needed)
    left = [path for path in lines if path not in judged]
    if left:
        yield skipped(f"{prefix}: not judged", f"{len(left)} entries of {specification.name}: {', '.join(left)}")


def _document(path: Path) -> object:
    """Its values are texts, as they stand there. Raises OSError, ValueError with a sentence, and the line."""
    with open_input(path) as file:
        raw = file.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise ValueError(f"it is larger than {LARGEST} bytes")
    try:
        return yaml.load(raw.removeprefix(BYTE_ORDER_MARK), Loader=_TEXTS)  # noqa: S506 it makes texts of everything
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"not valid YAML ({' '.join(str(error).split())})") from error


def _of_role(document: object, role: str) -> dict[str, object]:
    """What a specification says of one role, and of every role."""
    if not isinstance(document, dict):
        return {}
    roles = document.get("compute_spec")
    own = roles.get(role) if isinstance(roles, dict) else None
    if not isinstance(own, dict):
        return {}
    shared = {key: value for key, value in document.items() if key not in ("compute_spec", "version")}
    return {**shared, **own}


def _lines(table: dict[Any, Any], beginning: str = "", depth: int = DEEPEST) -> Iterator[tuple[str, object]]:
    """Values by their dotted path; a table that is deeper than is worth a line counts as one value, as a list does."""
    for key, value in islice(table.items(), MOST):
        path = safe(f"{beginning}{key}", WIDEST)
        if isinstance(value, dict) and value and depth > 1:
            yield from _lines(value, path + ".", depth - 1)
        else:
            yield path, value


def _as_number(value: object) -> float | None:
    """A demand such as "16", "512 MB" or "1.5TB" as a number of GB, GHz or pieces; None for anything else."""
    match = _NUMBER.fullmatch(value.strip()) if isinstance(value, str) else None
    return None if match is None else float(match[1]) * _SCALE[(match[2] or "g").lower()]


def _number(name: str, value: float | None, least: float, unit: str, shape: str, where: str) -> Result:
    if value is None:
        return skipped(name, "unknown: cannot be measured here")
    needed = least * (KERNELS_SHARE if unit == "GB" else 1)
    if value < needed:
        return warning(
            name,
            f"{value:{shape}} {unit}, less than {least:g} ({where})",
            why="It may work, but rounds may take longer, or the system may kill the process for its memory.",
            do="Use a larger machine, or ask fewer miners per round (sample).",
        )
    return ok(name, f"{value:{shape}} {unit}, at least {least:g} needed")


def _architecture(name: str, measured: Measured, needed: str) -> Result:
    value = measured.architecture
    if not value:
        return skipped(name, "unknown: cannot be measured here")
    if SAME_ARCHITECTURE.get(value.lower(), value) != SAME_ARCHITECTURE.get(needed.lower(), needed):
        return warning(
            name,
            f"{value}, not {needed}",
            why="This program has not been tested there.",
            do=f"Use a machine of type {needed}, or run scripts/test on this one.",
        )
    return ok(name, value)


def _glibc(name: str, measured: Measured, needed: str) -> Result:
    found = measured.glibc
    if not found:
        return skipped(name, "unknown: this system does not use glibc")
    if _version(found) < _version(needed):
        return warning(
            name,
            f"{found}, older than {needed}",
            why="The native packages are built for newer systems.",
            do="Use a newer Linux, or build onnxruntime and xllamacpp yourself.",
        )
    return ok(name, found)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdecimal())


NUMBERS = {
    "cpu.min_cores": ("cores", "cores", ""),
    "cpu.min_speed": ("cpu speed", "GHz", ".1f"),
    "memory.min_ram": ("memory", "GB", ".1f"),
    "storage.min_space": ("disk size", "GB", ".0f"),
}
MEASURED_AS = {
    "cpu.min_cores": "cores",
    "cpu.min_speed": "ghz",
    "memory.min_ram": "memory",
    "storage.min_space": "disk",
}
TEXTS: dict[str, tuple[re.Pattern[str], Callable[[str, Measured, str], Result]]] = {
    "cpu.architecture": (re.compile(r"\S+"), _architecture),
    "os.glibc": (_VERSION, _glibc),
}
"""What is compared as a text, with the form that it must have for that."""


def of_subnet(case: Case, measured: Measured) -> Iterator[Result]:
    """The same for the specification of a subnet, where the doctor is asked in the folder of its program."""
    if os.path.lexists(SUBNETS) and not (SUBNETS.is_file() and SUBNETS.samefile(SPECIFICATION)):
        yield from machine(case, measured, SUBNETS, prefix="subnet's machine")


def measure(folder: Path) -> Measured:
    """This machine, as this process may use it."""
    here = next(path for path in (folder, *folder.parents) if path.exists())
    libc, version = platform.libc_ver()
    return Measured(
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        ghz=_ghz(_text(Path("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq")), _text(Path("/proc/cpuinfo"))),
        architecture=platform.machine(),
        memory=_memory(_numbers(Path("/proc/meminfo"))),
        disk=shutil.disk_usage(here).total / GB,
        glibc=version if libc == "glibc" else "",
    )


def _ghz(khz: str, cpuinfo: str) -> float | None:
    """The core's maximum speed, or else its current one."""
    if khz.strip().isdecimal():
        return int(khz) / 1e6
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "cpu MHz":
            return float(value) / 1000
    return None


def _memory(kilobytes: Mapping[str, int]) -> float | None:
    """The machine's memory, or the limit of this process's cgroup."""
    total = kilobytes.get("MemTotal")
    limit = _text(Path("/sys/fs/cgroup/memory.max")).strip()
    if limit.isdecimal():
        return min(total * 1024, int(limit)) / GB if total else int(limit) / GB
    return total * 1024 / GB if total else None


def _numbers(path: Path) -> dict[str, int]:
    found = {}
    for line in _text(path).splitlines():
        name, _, value = line.partition(":")
        words = value.split()
        if words and words[0].isdecimal():
            found[name] = int(words[0])
    return found


def _text(path: Path) -> str:
    """The beginning of a kernel file; "" if it does not exist."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(65_536)
    except OSError:
        return ""
