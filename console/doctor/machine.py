"""This machine against `min_compute.yml`. What cannot be measured is unknown, and not bad; nothing here blocks."""

import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from console.doctor.case import Case
from console.doctor.result import Result, ok, skipped, warning

SPECIFICATION = Path(__file__).parents[2] / "min_compute.yml"
GB = 1_000_000_000
KERNELS_SHARE = 0.93
"""Memory that is sold as 2 GB shows up as a little less: firmware and kernel keep some."""

Spec = dict[str, Any]


class Measured(Struct, frozen=True, kw_only=True):
    """What was measured; None is unknown. Memory and disk in GB, speed in GHz."""

    cores: int | None = None
    ghz: float | None = None
    architecture: str = ""
    memory: float | None = None
    disk: float | None = None
    glibc: str = ""


def machine(case: Case, measured: Measured, specification: Path = SPECIFICATION) -> Iterator[Result]:
    """One result a line of the specification that this role has."""
    role = "miner" if case.settings.role == "miner" else "validator"
    try:
        spec = read_spec(specification.read_text(encoding="utf-8"))["compute_spec"][role]
        wanted = {
            "cores": ("cores", measured.cores, float(spec["cpu"]["min_cores"]), ""),
            "cpu speed": ("GHz", measured.ghz, float(spec["cpu"]["min_speed"]), ".1f"),
            "memory": ("GB", measured.memory, float(spec["memory"]["min_ram"]), ".1f"),
            "disk size": ("GB", measured.disk, float(spec["storage"]["min_space"]), ".0f"),
        }
        architecture = str(spec["cpu"]["architecture"])
        glibc = str(spec["os"]["glibc"])
    except FileNotFoundError:
        yield skipped("machine", "min_compute.yml is not part of this installation")
        return
    except (KeyError, TypeError, ValueError) as error:
        yield skipped("machine", f"min_compute.yml has no readable {error}")
        return
    for name, (unit, value, least, shape) in wanted.items():
        yield _number(f"machine: {name}", value, least, unit, shape, f"min_compute.yml, {role}")
    yield _architecture(measured.architecture, architecture)
    yield _glibc(measured.glibc, glibc)


def _number(name: str, value: float | None, least: float, unit: str, shape: str, where: str) -> Result:
    if value is None:
        return skipped(name, "unknown: it cannot be measured here")
    needed = least * (KERNELS_SHARE if unit == "GB" else 1)
    if value < needed:
        return warning(
            name,
            f"{value:{shape}} {unit}, less than {least:g} ({where})",
            why="It may work; rounds will take longer, or the system may end the process for its memory.",
            do="Take a larger machine, or ask fewer miners at once (sample).",
        )
    return ok(name, f"{value:{shape}} {unit}, at least {least:g} needed")


def _architecture(value: str, needed: str) -> Result:
    name = "machine: architecture"
    if not value:
        return skipped(name, "unknown: it cannot be measured here")
    if value != needed:
        return warning(
            name,
            f"{value}, not {needed}",
            why="Nobody has tried this program there.",
            do=f"Take a machine of the kind {needed}, or run scripts/test on this one.",
        )
    return ok(name, value)


def _glibc(found: str, needed: str) -> Result:
    name = "machine: glibc"
    if not found:
        return skipped(name, "unknown: this system has another C library")
    if _version(found) < _version(needed):
        return warning(
            name,
            f"{found}, older than {needed}",
            why="The packages with native code are built for newer systems.",
            do="Take a newer Linux, or build onnxruntime and xllamacpp here.",
        )
    return ok(name, found)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdecimal())


def read_spec(text: str) -> Spec:
    """Nested tables and plain values of a YAML file, by indentation; lists and quoting beyond "…" are not read."""
    root: Spec = {}
    open_tables: list[tuple[int, Spec]] = [(-1, root)]
    for raw in text.splitlines():
        content = raw.partition(" #")[0].rstrip()
        key, colon, value = content.strip().partition(":")
        if not colon or key.startswith("#"):
            continue
        depth = len(content) - len(content.lstrip())
        while open_tables[-1][0] >= depth:
            open_tables.pop()
        table = open_tables[-1][1]
        if value.strip():
            table[key] = value.strip().strip("\"'")
        else:
            table[key] = {}
            open_tables.append((depth, table[key]))
    return root


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
    """The core's highest speed, else the one that it has now."""
    if khz.strip().isdecimal():
        return int(khz) / 1e6
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "cpu MHz":
            return float(value) / 1000
    return None


def _memory(kilobytes: Mapping[str, int]) -> float | None:
    """What the machine has, or what this process's group of processes may take of it."""
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
    """The beginning of a file of the kernel's, "" when there is none."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(65_536)
    except OSError:
        return ""
