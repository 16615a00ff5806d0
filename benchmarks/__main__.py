"""`python -m benchmarks [NAME…]` measures and prints one table; exit code 1 when a figure is over its target."""

import argparse
import sys
import traceback
from collections.abc import Callable

from benchmarks import (
    attach,
    backend,
    chain,
    demo,
    dialects,
    gateway,
    hangup,
    health,
    help,
    keys,
    lag,
    line,
    memory,
    paint,
    pressure,
    ready,
    round256,
    rows,
    sealing,
    stall,
    streaming,
    transport,
)
from benchmarks.figures import Figure, machine, table

BENCHMARKS: dict[str, Callable[[], list[Figure]]] = {
    "help": help.measure,
    "ready": ready.measure,
    "transport": transport.measure,
    "dialects": dialects.measure,
    "sealing": sealing.measure,
    "streaming": streaming.measure,
    "pressure": pressure.measure,
    "overload": pressure.overload,
    "backend": backend.measure,
    "chain": chain.measure,
    "gateway": gateway.measure,
    "round256": round256.measure,
    "lag": lag.measure,
    "memory": memory.measure,
    "demo": demo.measure,
    "rows": rows.measure,
    "attach": attach.measure,
    "keys": keys.measure,
    "paint": paint.measure,
    "health": health.measure,
    "stall": stall.measure,
    "line": line.measure,
    "hangup": hangup.measure,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measures the project's figures.")
    parser.add_argument("names", metavar="NAME", nargs="*", help=f"{', '.join(BENCHMARKS)} (default: all)")
    names = parser.parse_args().names or list(BENCHMARKS)
    if unknown := [name for name in names if name not in BENCHMARKS]:
        parser.error(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    figures: list[Figure] = []
    failed = []
    before = machine()
    for name in names:
        print(f"measuring: {name}", file=sys.stderr, flush=True)
        try:
            figures += BENCHMARKS[name]()
        except Exception:
            failed.append(name)
            traceback.print_exc()
    print(table(figures))
    print(f"\nbefore: {before}\nafter:  {machine()}")
    if failed:
        print(f"failed: {', '.join(failed)}")
    return int(bool(failed) or any(figure.over for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
