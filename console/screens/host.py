"""What a screen can ask of the application that shows it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from console.config import Shown
from console.findings import Result
from console.present.log_look import LogLook
from console.present.picture import Picture
from console.present.table import Table, View
from console.screens.keymap import Keymap
from console.themes import ThemeFile
from engine.commands import AnyCommand
from engine.doors import Engine, Log


class Host(Protocol):
    """The application. A screen knows no more of it, and nothing of the engine's process or files."""

    engine: Engine
    keymap: Keymap

    @property
    def settings_shown(self) -> Sequence[Shown]:
        """The settings of this run, none for a replay."""
        ...

    @property
    def first_place(self) -> str:
        """Where the screen begins, and whoever goes back arrives in the end."""
        ...

    # -- what is to be seen ----------------------------------------------------------------------------------------

    @property
    def picture(self) -> Picture:
        """What is to be seen now: the present, a paused picture, or an earlier instant."""
        ...

    @property
    def logs(self) -> Log:
        """The log as of the picture."""
        ...

    def pull(self) -> None:
        """Show the picture to the screen in front again."""
        ...

    def go_live(self) -> None:
        """Back to the present; in a replay, to its last round."""
        ...

    def go_to_round(self, place: int) -> None:
        """In the past, show everything as of this round, counted from 1. The present stays."""
        ...

    def travel_to(self, at: float) -> None:
        """Show everything as of this instant, in unix seconds."""
        ...

    def instant(self, text: str) -> float:
        """The unix time that was typed, relative to what is shown. Raises ValueError."""
        ...

    # -- where to go -----------------------------------------------------------------------------------------------

    def open(self, name: str, *subject: str) -> None:
        """Go to a place with the cursor on `subject`, or open another screen on top, which is about that."""
        ...

    def back(self) -> None:
        """Out of this screen: to the one below it, else to Home."""
        ...

    # -- what can be done ------------------------------------------------------------------------------------------

    def act(self, action_id: str) -> None:
        """Take an action, after its question if it has one, or say why not."""
        ...

    def why_not(self, action_id: str) -> str:
        """Why an action cannot be taken now; "" when it can."""
        ...

    def submit(self, command: AnyCommand) -> None:
        """Hand a command to the engine; the outcome is told when it is known."""
        ...

    def examination(self) -> Callable[[], Sequence[Result]]:
        """What the doctor does, for a thread."""
        ...

    # -- what the operator is told and takes along -----------------------------------------------------------------

    def tell(self, text: str, *, failed: bool = False) -> None:
        """Show a message that goes away by itself."""
        ...

    def copy(self, text: str, what: str) -> None:
        """Copy to the terminal's clipboard; `what` names it in the message."""
        ...

    def save(self, name: str, text: str, what: str) -> None:
        """Write a file into the folder of exports; `what` names it in the message."""
        ...

    # -- how the operator likes to look ----------------------------------------------------------------------------

    def view_of(self, table: Table[Any]) -> View:
        """How this table was looked at last."""
        ...

    def remember(self, table: Table[Any], view: View) -> None:
        """Look at this table the same way in the next run."""
        ...

    @property
    def log_look(self) -> LogLook:
        """How the log was looked at last."""
        ...

    def remember_log(self, look: LogLook) -> None:
        """Look at the log the same way in the next run; what was searched for is not kept."""
        ...

    def theme_files(self) -> Mapping[str, ThemeFile]:
        """All themes by name, as their files are now."""
        ...

    def choose_theme(self, name: str) -> None:
        """Paint everything in this theme from now on."""
        ...
