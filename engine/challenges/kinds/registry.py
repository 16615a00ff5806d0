"""The kinds of challenges by name: our own, and those that other packages add.

The name of one of our own also stands among the choices in `engine.settings.declared`.
"""

from importlib.util import find_spec

from engine import plugins
from engine.challenges import ChallengeError
from engine.challenges.kinds.arithmetic import Arithmetic
from engine.challenges.kinds.base import OPEN_SHARE, Kind, Need
from engine.challenges.kinds.chat import Chat
from engine.challenges.kinds.embeddings import Embeddings
from engine.challenges.kinds.structured import Structured
from engine.challenges.kinds.tools import Tools

KINDS: plugins.Registry[type[Kind]] = plugins.Registry(
    plugins.KINDS,
    {one.name: one for one in (Arithmetic, Chat, Embeddings, Structured, Tools)},
    accepts=lambda added: isinstance(added, type) and issubclass(added, Kind),
    what="a Kind class",
)


def kind(name: str, *, open_share: float = OPEN_SHARE) -> Kind:
    """The kind called `name`; `open_share`, from 0 to 1, is the share of open questions.

    Raises ChallengeError with the known names, and PluginError.
    """
    if name not in KINDS:
        raise ChallengeError(f"unknown kind of challenge {name!r}; known are {', '.join(KINDS)}")
    return KINDS[name](open_share)


def missing(kind: type[Kind]) -> tuple[Need, ...]:
    """The packages that this kind needs and that are not installed."""
    return tuple(need for need in kind.needs if find_spec(need.module) is None)


def require(name: str, encoder: str) -> None:
    """Raises ChallengeError with what keeps the kind called `name` from running here with this encoder, and
    PluginError."""
    if name not in KINDS:
        raise ChallengeError(f"unknown kind of challenge {name!r}; known are {', '.join(KINDS)}")
    found = KINDS[name]
    if lacking := missing(found):
        names = ", ".join(need.package for need in lacking)
        raise ChallengeError(f"the kind {name} needs {names}; 'subnet-console kinds' says how to install it")
    if found.encoder not in (None, encoder):
        raise ChallengeError(f"the kind {name} is judged with --encoder {found.encoder}, not {encoder}")
    if why := found.obstacle():
        raise ChallengeError(f"the kind {name} cannot run on this machine: {why}")
