"""Opening an encoder by its name in the settings."""

from engine.encoding.interface import Encoder, EncoderError

SPECS = "minilm, sentence-transformers:MODEL, hashing, bow"


def open_encoder(spec: str, *, threads: int = 1) -> Encoder:
    """The encoder that `spec` names (see SPECS), with that many threads. The libraries behind it load here.

    Raises EncoderError: unknown name, package not installed, model missing or not the pinned one.
    """
    name, _, model = spec.partition(":")
    if name == "minilm" and not model:
        try:
            from engine.encoding.minilm import MiniLM
        except ImportError as error:
            raise EncoderError(
                f"minilm: {error.name} is not installed; set up again, or choose another encoder"
            ) from error
        return MiniLM(threads=threads)
    if name == "sentence-transformers" and model:
        from engine.encoding.torch_models import SentenceTransformers

        return SentenceTransformers(model, threads=threads)
    if spec in ("hashing", "bow"):
        from engine.encoding.plain import BagOfWords, Hashing

        return Hashing() if spec == "hashing" else BagOfWords()
    raise EncoderError(f"{spec!r} is no encoder; choose one of {SPECS}")
