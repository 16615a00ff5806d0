"""The application over an engine in another process."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from console import __version__
from console.config import Shown
from console.findings import Result, skipped
from console.remote.client import RemoteEngine
from console.tui.app import ConsoleApp
from console.tui.endings import Ending

ONLY_LOOKS = "not while attached with --read-only"
NOT_HERE = "attached: 'subnet-console doctor', with the options of the engine's launch, examines this machine"


class AttachApp(ConsoleApp):
    """The same screens. Whoever leaves them leaves the engine as it is, unless they ask for its end."""

    TWICE: ClassVar[Ending] = Ending.DETACH

    def __init__(self, engine: RemoteEngine, **given: Any) -> None:
        super().__init__(engine, only_looks=ONLY_LOOKS if engine.read_only else "", **given)
        self._remote = engine

    def on_mount(self) -> None:
        """Textual calls that of the class below as well."""
        if self._remote.version != __version__:
            self.tell(
                f"the engine runs version {self._remote.version}, this is {__version__}: what only one of them knows "
                "is not shown",
                failed=True,
            )

    @property
    def settings_shown(self) -> Sequence[Shown]:
        return self._remote.settings

    def examination(self) -> Callable[[], Sequence[Result]]:
        return lambda: [skipped("doctor", NOT_HERE)]
