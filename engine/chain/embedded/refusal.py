"""How the chain says no."""


class Refused(Exception):
    """An extrinsic that the rules do not allow: the chain's own error name, and what it means here."""

    def __init__(self, name: str, detail: str = "") -> None:
        super().__init__(f"{name}: {detail}" if detail else name)
        self.name = name
