"""Version numbers."""

import re
from collections.abc import Sequence

from engine.answers.scalar import Found, Scalar

_VERSION = re.compile(
    r"(?<![\w.])(?:v(?:ersion|er\.?)?\s?|release\s+)?(\d{1,9}(?:\.\d{1,9}){0,5})((?:[-.+]?(?:alpha|beta|rc|dev|post|"
    r"a|b|pre)\.?\d*)|(?:[-+][\w.]+))?(?![\w]|\.\d)",
    re.IGNORECASE,
)


class Version(Scalar):
    """A version number: 1.10 is not 1.1, and 3.0 is 3.0.0."""

    name = "version"

    def find(self, text: str, question: str) -> Sequence[Found]:  # noqa: ARG002
        found = [
            Found(match.start(), match.end(), _version(match), _version(match), 0.0)
            for match in _VERSION.finditer(text)
        ]
        dotted = [one for one in found if "." in one.key or one.start < one.end - len(one.key)]
        return dotted or found


def _version(match: re.Match[str]) -> str:
    parts = [str(int(part)) for part in match[1].split(".")]
    while len(parts) > 2 and parts[-1] == "0":
        parts.pop()
    if len(parts) == 1:
        parts.append("0")
    return ".".join(parts) + (match[2] or "").lower().lstrip(".-")
