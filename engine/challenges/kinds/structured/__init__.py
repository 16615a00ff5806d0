"""The kind `structured`: a note in words is put into a JSON object of a given schema, which takes some reckoning."""

import random

from engine.challenges.kinds.base import KIB
from engine.challenges.kinds.scaled import Scaled, Task
from engine.challenges.kinds.structured.notes import NOTES
from engine.challenges.kinds.structured.schemas import schema_of
from engine.values import Request


class Structured(Scaled):
    """Notes as JSON; the schema is in the words and in `response_format`."""

    name = "structured"
    about = "a note to be put into JSON by a schema; every field has to be right"
    request_limit = 16 * KIB
    reply_limit = 64 * KIB
    stock_answer = '{"answer": "unknown"}'
    answer_type = "json"

    def draw(self, rng: random.Random) -> Task:
        note = rng.choice(NOTES)(rng)
        form = {"name": note.topic, "strict": True, "schema": schema_of(note.value)}
        return Task(
            asks=tuple(ask.format(note=note.text, fields=note.fields) for ask in _ASKS),
            truth=note.value,
            lures=note.lures,
            topic=note.topic,
            request=Request(
                temperature=rng.choice((0.1, 0.2, 0.3)),
                response_format={"type": "json_schema", "json_schema": form},
            ),
        )


_ASKS = (
    "Put this note into one JSON object with {fields}. The note: {note}",
    "{note} Write this as one JSON object, and nothing else. It has {fields}.",
    "I need the following as JSON, one object with {fields}: {note}",
    "Read this and answer with a JSON object only: {note} The object has {fields}.",
)
