"""Why a screen ended."""

from enum import Enum, auto


class Ending(Enum):
    """What ended the screen, and what that means for the engine."""

    STOP = auto()
    """The operator wants the engine to stop."""
    DETACH = auto()
    """The operator wants the engine to go on without the screen."""
    HUNG_UP = auto()
    """The terminal is gone."""
    INTERRUPTED = auto()
    """SIGINT came from outside."""
    TERMINATED = auto()
    """SIGTERM came."""
    DONE = auto()
    """The engine has ended by itself."""
