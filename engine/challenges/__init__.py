"""What is asked: `kinds` of challenges with their hidden truth, and `sources` that challenges come from."""


class ChallengeError(Exception):
    """A kind, a file of challenges or a request is not usable; the text says which and why, for the operator."""
