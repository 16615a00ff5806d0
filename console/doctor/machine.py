"""This machine against `min_compute.yml`: ours, and a subnet's in the current folder.

What cannot be measured is unknown rather than bad, and nothing here blocks. A result names the line that fails, as in
`memory.min_ram`.
"""

import os
import platform
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from threading import Thread
from typing import Any

import yaml  # type: ignore[import-untyped]
from msgspec import Struct

from console.doctor.case import Case
from console.findings import Result, ok, skipped, warning
from console.fitting import fitting, models_of
from engine.files import BYTE_ORDER_MARK, open_input
from engine.snapshot import GpuView
from engine.text import safe

SUBNETS = Path("min_compute.yml")
SPECIFICATION = Path(__file__).with_name("min_compute.yml")
GB = 1_000_000_000
GIB = 1 << 30
KERNELS_SHARE = 0.93
"""Memory sold as 2 GB shows up as slightly less: firmware and kernel reserve some."""

LARGEST = 1 << 20
DEEPEST, MOST, WIDEST = 3, 64, 80
"""Limits on the depth, length and name width of a specification's tables; anything beyond is not printed."""

SUGGESTED = 3
GPU_PATIENCE_S = 3.0
"""NVIDIA's library answers in a fraction of a second, or hangs with its driver."""

SAME_ARCHITECTURE = {"amd64": "x86_64", "x64": "x86_64", "x86-64": "x86_64", "arm64": "aarch64"}

_NUMBER = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([kmgt])(?:i?b|hz)?|cores?)?", re.IGNORECASE)
_SCALE = {"k": 1e-6, "m": 1e-3, "g": 1.0, "t": 1e3}
_TEXTS = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_VERSION = re.compile(r"\d+(\.\d+)*")


class Measured(Struct, frozen=True, kw_only=True):
    """What was measured; None means unknown. Memory, swap and disk in GB, speed in GHz; an empty `gpus` may mean
    unknown.
    """

    cores: int | None = None
    ghz: float | None = None
    architecture: str = ""
    memory: float | None = None
    swap: float | None = None
    disk: float | None = None
    glibc: str = ""
    gpus: tuple[GpuView, ...] = ()


def machine(
    case: Case, measured: Measured, specification: Path = SPECIFICATION, *, prefix: str = "machine"
) -> Iterator[Result]:
    """A result for each line of a specification that applies to this role and can be judged, and one that lists the
    others. A missing line demands nothing. The results' names begin with `prefix`.
    """
    role = "miner" if case.settings.role == "miner" else "validator"
    try:
        table = _of_role(_document(specification), role)
        lines = dict(_lines(table))
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
    where = f"{specification.name}, {role}"
    for paths, found in (*_of_numbers(prefix, lines, measured, where), *_of_texts(prefix, lines, measured)):
        judged |= paths
        yield found
    for path, result in _gpu(f"{prefix}: gpu", table.get("gpu"), measured.gpus, where):
        judged |= {line for line in lines if line == path or line.startswith(f"{path}.")}
        if result is not None:
            yield result
    if result := _models(f"{prefix}: models", table.get("model_allowlist"), measured, where):
        judged |= {line for line in lines if line.startswith("model_allowlist")}
        yield result
    left = [path for path in lines if path not in judged]
    if left:
        yield skipped(f"{prefix}: not judged", f"{len(left)} entries of {specification.name}: {', '.join(left)}")


def _of_numbers(
    prefix: str, lines: Mapping[str, object], measured: Measured, where: str
) -> Iterator[tuple[set[str], Result]]:
    """For each number in the specification, its lines and the result."""
    for path, (name, unit, shape) in NUMBERS.items():
        least = _as_number(lines.get(path))
        if least is not None:
            better = path.replace(".min_", ".recommended_")
            wanted = _as_number(lines.get(better))
            found = getattr(measured, MEASURED_AS[path])
            result = _number(f"{prefix}: {name}", found, least, wanted, unit, shape, f"{path} in {where}")
            yield {path} if wanted is None else {path, better}, result


def _of_texts(prefix: str, lines: Mapping[str, object], measured: Measured) -> Iterator[tuple[set[str], Result]]:
    """For each text in the specification that has the expected form, its line and the result."""
    for path, (form, judge) in TEXTS.items():
        stated = lines.get(path)
        needed = stated.strip() if isinstance(stated, str) else ""
        if form.fullmatch(needed):
            yield {path}, judge(f"{prefix}: {path.rpartition('.')[2]}", measured, needed)


def _document(path: Path) -> object:
    """A specification with its values as unparsed strings. Raises OSError, ValueError with a sentence, and the line."""
    with open_input(path) as file:
        raw = file.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise ValueError(f"it is larger than {LARGEST} bytes")
    try:
        return yaml.load(raw.removeprefix(BYTE_ORDER_MARK), Loader=_TEXTS)  # noqa: S506 it makes texts of everything
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"not valid YAML ({' '.join(str(error).split())})") from error


def _of_role(document: object, role: str) -> dict[str, object]:
    """The parts of a specification for one role, and for every role."""
    if not isinstance(document, dict):
        return {}
    roles = document.get("compute_spec")
    own = roles.get(role) if isinstance(roles, dict) else None
    if not isinstance(own, dict):
        return {}
    shared = {key: value for key, value in document.items() if key not in ("compute_spec", "version")}
    return {**shared, **own}


def _lines(table: dict[Any, Any], beginning: str = "", depth: int = DEEPEST) -> Iterator[tuple[str, object]]:
    """Values by their dotted path; a list, or a table nested too deeply, counts as one value."""
    for key, value in islice(table.items(), MOST):
        path = safe(f"{beginning}{key}", WIDEST)
        if isinstance(value, dict) and value and depth > 1:
            yield from _lines(value, path + ".", depth - 1)
        else:
            yield path, value


def _as_number(value: object) -> float | None:
    """A requirement such as "16", "512 MB" or "1.5TB" as a number of GB, GHz or units; None for anything else."""
    match = _NUMBER.fullmatch(value.strip()) if isinstance(value, str) else None
    return None if match is None else float(match[1]) * _SCALE[(match[2] or "g").lower()]


def _number(
    name: str, value: float | None, least: float, wanted: float | None, unit: str, shape: str, where: str
) -> Result:
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
    better = f", {wanted:g} recommended" if wanted is not None and wanted > value else ""
    return ok(name, f"{value:{shape}} {unit}, at least {least:g} needed{better}")


def _gpu(name: str, table: object, gpus: Sequence[GpuView], where: str) -> Iterator[tuple[str, Result | None]]:
    """The lines judged and the result: the most demanding profile that a GPU here meets, or else the least demanding
    one with its failing line.
    """
    if not isinstance(table, dict):
        return
    profiles = {path: profile for path, profile in _profiles(table) if _as_number(profile.get("min_vram")) is not None}
    is_required = str(table.get("required")).strip().lower() in ("true", "yes")
    yield "gpu.required", None
    known = [gpu for gpu in gpus if gpu.memory is not None]
    if not known:
        asked = f", and gpu.required in {where} asks for one" if is_required else ""
        none = "no NVIDIA GPU was found" if not gpus else "the memory of the GPU is unknown"
        if profiles or is_required:
            yield "gpu", skipped(name, f"unknown: {none} (the extra gpu looks for them){asked}")
        return
    best = max(known, key=lambda gpu: (gpu.memory or 0, gpu.compute or (0, 0)))
    failing = {path: _failing(path, profile, best) for path, profile in profiles.items()}
    ranked = sorted(profiles, key=lambda path: _demand(profiles[path]))
    met = [path for path in ranked if not failing[path]]
    if met:
        found = ok(name, f"{_told(best)}: {', '.join(met[-1:])} in {where}")
    elif ranked:
        found = warning(
            name,
            f"{_told(best)}, less than {failing[ranked[0]]} in {where}",
            why="The models of this profile do not fit, or do not run.",
            do="Use a larger GPU, or a model server elsewhere (--backend-url).",
        )
    else:
        found = ok(name, _told(best))
    for path in ranked:
        yield path, None
    yield "gpu.profiles", found


def _profiles(table: dict[Any, Any]) -> Iterator[tuple[str, dict[Any, Any]]]:
    """The profiles by their line. Values beside `required` itself form one too, as in the template."""
    yield "gpu", table
    named = table.get("profiles")
    for name, profile in islice(named.items(), MOST) if isinstance(named, dict) else ():
        if isinstance(profile, dict):
            yield safe(f"gpu.profiles.{name}", WIDEST), profile


def _demand(profile: dict[Any, Any]) -> tuple[float, float]:
    return _as_number(profile.get("min_vram")) or 0.0, _as_number(profile.get("min_compute_capability")) or 0.0


def _failing(path: str, profile: dict[Any, Any], gpu: GpuView) -> str:
    """The line of a profile that this GPU fails, with its value; "" if it fails none. GPUs are sold in GiB."""
    memory, capability = _demand(profile)
    if (gpu.memory or 0) / GIB < memory * KERNELS_SHARE:
        return f"{memory:g} GB ({path}.min_vram)"
    if gpu.compute is not None and gpu.compute < _capability(capability):
        return f"compute capability {capability:g} ({path}.min_compute_capability)"
    return ""


def _capability(number: float) -> tuple[int, int]:
    return int(number), round(number * 10) % 10


def _told(gpu: GpuView) -> str:
    capability = "" if gpu.compute is None else f", compute capability {gpu.compute[0]}.{gpu.compute[1]}"
    return f"{gpu.name or 'a GPU'}, {(gpu.memory or 0) / GIB:.0f} GB{capability}"


def _models(name: str, allowlist: object, measured: Measured, where: str) -> Result | None:
    """Which of a specification's models fit here, the largest first."""
    models = list(models_of(allowlist))
    if not models:
        return None
    gpus = [gpu for gpu in measured.gpus if gpu.memory is not None]
    if gpus:
        best = max(gpus, key=lambda gpu: gpu.memory or 0)
        place, found = _told(best), fitting(models, (best.memory or 0) / GB, capability=best.compute)
    elif measured.memory is not None:
        place, found = f"{measured.memory:.1f} GB without a GPU", fitting(models, measured.memory, on_cpu=True)
    else:
        return skipped(name, "unknown: neither a GPU nor the memory can be measured here")
    if found:
        return ok(name, f"fit into {place}: {'; '.join(map(str, found[:SUGGESTED]))}")
    if not gpus:
        return skipped(
            name, f"none of model_allowlist in {where} fits into {place}: this is for a model server elsewhere"
        )
    return warning(
        name,
        f"none of model_allowlist in {where} fits into {place}",
        why="The model server would not start, or the system would kill it for its memory.",
        do="Use a larger GPU, or a model server elsewhere (--backend-url).",
    )


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
    "memory.min_swap": ("swap", "GB", ".1f"),
    "storage.min_space": ("disk size", "GB", ".0f"),
}
MEASURED_AS = {
    "cpu.min_cores": "cores",
    "cpu.min_speed": "ghz",
    "memory.min_ram": "memory",
    "memory.min_swap": "swap",
    "storage.min_space": "disk",
}
TEXTS: dict[str, tuple[re.Pattern[str], Callable[[str, Measured, str], Result]]] = {
    "cpu.architecture": (re.compile(r"\S+"), _architecture),
    "os.glibc": (_VERSION, _glibc),
}
"""Lines compared as text, with the form that they must have."""


def of_subnet(case: Case, measured: Measured) -> Iterator[Result]:
    """The same for the specification of a subnet, if the doctor runs in the folder of its program."""
    if os.path.lexists(SUBNETS) and not (SUBNETS.is_file() and SUBNETS.samefile(SPECIFICATION)):
        yield from machine(case, measured, SUBNETS, prefix="subnet's machine")


def measure(folder: Path) -> Measured:
    """Measure this machine, within the limits of this process."""
    here = next(path for path in (folder, *folder.parents) if path.exists())
    libc, version = platform.libc_ver()
    memory = _numbers(Path("/proc/meminfo"))
    return Measured(
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        ghz=_ghz(_text(Path("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq")), _text(Path("/proc/cpuinfo"))),
        architecture=platform.machine(),
        memory=_memory(memory),
        swap=memory["SwapTotal"] * 1024 / GB if "SwapTotal" in memory else None,
        disk=shutil.disk_usage(here).total / GB,
        glibc=version if libc == "glibc" else "",
        gpus=_gpus(),
    )


def _gpus() -> tuple[GpuView, ...]:
    """What NVIDIA's library reports in time; if the driver hangs, its thread is left behind."""
    found: list[GpuView] = []

    def look() -> None:
        from miner_server.gpus import read_gpus

        found.extend(read_gpus())

    looking = Thread(target=look, name="GPUs", daemon=True)
    looking.start()
    looking.join(GPU_PATIENCE_S)
    return tuple(found)


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
