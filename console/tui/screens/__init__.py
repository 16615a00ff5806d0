"""One module a screen: which panes it has, and what it shows of a picture."""

from console.tui.screens.base import ConsoleScreen
from console.tui.screens.challenges import ChallengesScreen
from console.tui.screens.home import HomeScreen
from console.tui.screens.logs import LogsScreen
from console.tui.screens.miners import MinersScreen
from console.tui.screens.server import ServerScreen
from console.tui.screens.setup import SetupScreen
from console.tui.screens.weights import WeightsScreen

SCREENS: dict[str, type[ConsoleScreen]] = {
    screen.NAME: screen
    for screen in (
        HomeScreen,
        ChallengesScreen,
        MinersScreen,
        WeightsScreen,
        ServerScreen,
        LogsScreen,
        SetupScreen,
    )
}
"""The screens that have a digit, by their names in `console.actions.PLACES`."""
