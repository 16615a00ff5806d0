"""The one error of this room."""


class ChallengeError(Exception):
    """A kind, a file of challenges or a request is not usable; the text says which and why, for the operator."""
