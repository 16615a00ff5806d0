"""A run that is signalled at many moments in its first seconds always ends as documented."""

import signal
import subprocess
from pathlib import Path

import pytest

from tests.stories.console import running, wait_until

pytestmark = pytest.mark.slow

INSTANTS_S = (0.0, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9, 1.2, 1.6, 2.0)
"""After our first line has run. The interpreter's own start, some hundredths of a second, belongs to nobody here. Each
instant is met by every role and by every signal, by half of the pairs."""


def catches(pid: int, number: signal.Signals) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    mask = next(line for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(mask.split()[1], 16) >> (number - 1) & 1)


@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
@pytest.mark.parametrize("role", ["demo", "miner"])
def test_a_signal_at_any_instant_of_the_start_is_clean(
    how: signal.Signals, code: int, role: str, tmp_path: Path
) -> None:
    of_role = ("--miners", "5") if role == "demo" else ("--role", "miner", "--port", "0", "--host", "127.0.0.1")
    for instant in INSTANTS_S[(how is signal.SIGINT) == (role == "demo") :: 2]:
        with running(*of_role, "--data-dir", str(tmp_path / f"{instant}")) as run:
            wait_until(lambda pid=run.process.pid: catches(pid, signal.SIGTERM), "SIGTERM is caught")  # type: ignore[misc]
            with pytest.raises(subprocess.TimeoutExpired):
                run.process.wait(instant)
            ended, _ = run.stop(how)
        assert ended == code, (instant, run.said())
        assert "Traceback" not in run.said() and "internal error" not in run.said()
