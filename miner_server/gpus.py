"""The GPUs of this machine, as NVIDIA's management library knows them: how busy, how full, how hot.

The library may be missing, or hang, or fail for one number and not for the next. What it does not say is unknown, which
is not bad, and nothing waits for it.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from threading import Event
from typing import Any

from msgspec.structs import replace

from engine.snapshot import GpuView
from engine.text import safe
from miner_server.backends.lanes import Lanes
from miner_server.backends.speed import Peaks

log = logging.getLogger(__name__)

LIBRARY = "pynvml"
"""From nvidia-ml-py, which the extra `gpu` brings."""

LOOK_S = 2.0
AGAIN_S = 60.0
"""Where there was no GPU at the last look."""

STALE_S = 10.0
"""What the library said longer ago than that is no longer so."""

NAME_WIDTH = 40
"""Characters kept of a GPU's name."""

PEAKS = ("use", "memory_used", "celsius")


class Gpus:
    """A service that keeps looking, every `look_s` seconds. `read` is for the thread that asks the library."""

    def __init__(
        self,
        read: Callable[[], Sequence[GpuView]] | None = None,
        *,
        look_s: float = LOOK_S,
        stale_s: float = STALE_S,
    ) -> None:
        self._read = read or (read_gpus if find_spec(LIBRARY) is not None else None)
        self._look_s = look_s
        self._stale_s = stale_s
        self._lanes = Lanes(1, "GPUs")
        self._seen: tuple[GpuView, ...] = ()
        self._seen_at = 0.0
        self._peaks: dict[int, Peaks] = {}

    def view(self) -> tuple[GpuView, ...]:
        """Each GPU with its peaks; without its numbers where they are old."""
        is_old = time.monotonic() - self._seen_at > self._stale_s
        return tuple(
            replace(_unknown(gpu) if is_old else gpu, peaks=dict(self._peaks[gpu.number].most)) for gpu in self._seen
        )

    def reset_peaks(self) -> None:
        for peaks in self._peaks.values():
            peaks.reset()

    async def run(self, started: Callable[[], None]) -> None:
        """Look until cancelled. Without the library there is nothing to look at."""
        started()
        if self._read is None:
            await asyncio.Event().wait()
            return
        while True:
            try:
                await self._look(self._read)
            except Exception:
                log.exception("the GPUs cannot be looked at")
            await asyncio.sleep(self._look_s if self._seen else AGAIN_S)

    async def _look(self, read: Callable[[], Sequence[GpuView]]) -> None:
        def work(_: Event) -> Sequence[GpuView]:
            return read()

        self._seen = tuple(await self._lanes.run(work))
        self._seen_at = time.monotonic()
        for gpu in self._seen:
            peaks = self._peaks.setdefault(gpu.number, Peaks())
            for name in PEAKS:
                peaks.note(name, getattr(gpu, name))


def _unknown(gpu: GpuView) -> GpuView:
    return GpuView(number=gpu.number, name=gpu.name, memory=gpu.memory, compute=gpu.compute)


def read_gpus() -> list[GpuView]:
    """What the library says now: nothing without it or a driver. It may hang: ask on a thread, with a deadline."""
    try:
        import pynvml
    except ImportError:
        return []

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        log.debug("there are no GPUs to look at: %s", error)
        return []
    try:
        return [_one(pynvml, number) for number in range(pynvml.nvmlDeviceGetCount())]
    finally:
        pynvml.nvmlShutdown()


def _one(pynvml: Any, number: int) -> GpuView:
    """One GPU. Each number that cannot be had is None: some cards and virtual ones lack some."""

    def told(ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except pynvml.NVMLError:
            return None

    device = told(lambda: pynvml.nvmlDeviceGetHandleByIndex(number))
    if device is None:
        return GpuView(number=number)
    name = told(lambda: pynvml.nvmlDeviceGetName(device))
    memory = told(lambda: pynvml.nvmlDeviceGetMemoryInfo(device))
    use = told(lambda: pynvml.nvmlDeviceGetUtilizationRates(device).gpu)
    return GpuView(
        number=number,
        name=safe(name.decode(errors="replace") if isinstance(name, bytes) else name or "", NAME_WIDTH),
        use=None if use is None else use / 100,
        memory_used=None if memory is None else memory.used,
        memory=None if memory is None else memory.total,
        compute=told(lambda: pynvml.nvmlDeviceGetCudaComputeCapability(device)),
        celsius=told(lambda: float(pynvml.nvmlDeviceGetTemperature(device, pynvml.NVML_TEMPERATURE_GPU))),
    )
