"""What can go wrong with an encoder, apart from its interface so that catching it loads no arrays."""


class EncoderError(Exception):
    """An encoder cannot be opened or used; the message names the model and says what to do."""
