"""Opening an encoder by its name in the settings."""

from engine.judge.encoding.endpoint import NOWHERE, Endpoint
from engine.judge.encoding.interface import Encoder, EncoderError

SPECS = "minilm, sentence-transformers:MODEL, openai:MODEL, hashing, bow"


def open_encoder(spec: str, *, threads: int = 1, device: str = "auto", endpoint: Endpoint = NOWHERE) -> Encoder:
    """The encoder that `spec` names (see SPECS). The libraries behind it load here.

    A model in this process runs with `threads` on `device` (auto, cpu, cuda or cuda:N); openai's is at `endpoint`.

    Raises EncoderError: unknown name, package not installed, no such device, server not there, model missing or not
    the pinned one.
    """
    name, _, model = spec.partition(":")
    if name == "minilm" and not model:
        try:
            from engine.judge.encoding.minilm import MiniLM
        except ImportError as error:
            raise EncoderError(
                f"minilm: {error.name} is not installed; set up again, or choose another encoder"
            ) from error
        return MiniLM(threads=threads, device=device)
    if name == "sentence-transformers" and model:
        from engine.judge.encoding.torch_models import SentenceTransformers

        return SentenceTransformers(model, threads=threads, device=device)
    if name == "openai" and model:
        from engine.judge.encoding.openai import OpenAIEmbeddings

        return OpenAIEmbeddings(model, endpoint)
    if spec in ("hashing", "bow"):
        from engine.judge.encoding.plain import BagOfWords, Hashing

        return Hashing() if spec == "hashing" else BagOfWords()
    raise EncoderError(f"{spec!r} is no encoder; choose one of {SPECS}")
