"""What an operator types after `/`: words, `!word`, `field:value`, `field:>number`; all of them must hold."""

from collections.abc import Callable

from msgspec import Struct


class Term(Struct, frozen=True):
    """One condition. `field` is a column's id or "", for any column."""

    text: str
    field: str = ""
    inverse: bool = False

    def holds(self, texts: Callable[[str], str], value: Callable[[str], float | str]) -> bool:
        """Whether it holds for a row, of which `texts` gives a column's text and `value` its number."""
        return self._found(texts, value) != self.inverse

    def _found(self, texts: Callable[[str], str], value: Callable[[str], float | str]) -> bool:
        if self.field and self.text[:1] in ("<", ">"):
            return self._compares(value(self.field))
        text = texts(self.field).casefold()
        return self.text in (text.split() if self.field and self.text.isdecimal() else text)

    def _compares(self, value: float | str) -> bool:
        try:
            limit = float(self.text[1:])
        except ValueError:
            return False
        if isinstance(value, str):
            return False
        return value > limit if self.text[0] == ">" else value < limit


def parse(text: str, fields: frozenset[str]) -> tuple[Term, ...]:
    """The terms of a filter. A prefix that is no column's id is part of the word, as in `10.0.0.7:8091`."""
    return tuple(_term(word.casefold(), fields) for word in text.split())


def _term(word: str, fields: frozenset[str]) -> Term:
    inverse = len(word) > 1 and word.startswith("!")
    word = word[inverse:]
    field, colon, rest = word.partition(":")
    if colon and field in fields:
        return Term(rest, field, inverse)
    return Term(word, "", inverse)
