"""The command that installs a package beside this program, by what made its environment: pipx, uv or pip."""

import shlex
import sys
from importlib.util import find_spec
from pathlib import Path


def install(package: str, *, alone: bool = False) -> str:
    """What to type to add `package` to the environment that this process runs in; `alone`, without its dependencies.

    Each tool leaves a mark: pipx and `uv tool` a file, `uv venv` a line in pyvenv.cfg and no pip inside.
    """
    environment = Path(sys.prefix)
    where = shlex.quote(str(environment))
    flag = " --no-deps" * alone
    if (environment / "pipx_metadata.json").exists():
        return f"pipx inject{' --pip-args=--no-deps' * alone} {environment.name} {package}"
    if find_spec("pip"):
        return f"{shlex.quote(sys.executable)} -m pip install{flag} {package}"
    if (environment / "uv-receipt.toml").exists() or _made_by_uv(environment / "pyvenv.cfg"):
        return f"uv pip install --python {where}{flag} {package}"
    return f"python3 -m pip --python {where} install{flag} {package}"


def _made_by_uv(marks: Path) -> bool:
    try:
        return any(line.startswith("uv ") for line in marks.read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError):
        return False
