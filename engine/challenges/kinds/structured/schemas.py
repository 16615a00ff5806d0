"""The JSON schema of a value: what it has to look like, and nothing of what is in it."""

from typing import Any


def schema_of(value: Any) -> dict[str, Any]:
    """A strict schema that `value` meets: every field is required and no other allowed."""
    if isinstance(value, dict):
        return {
            "type": "object",
            "properties": {name: schema_of(child) for name, child in value.items()},
            "required": [*value],
            "additionalProperties": False,
        }
    if isinstance(value, list):
        return {"type": "array", "items": schema_of(value[0])}
    return {"type": "integer" if isinstance(value, int) else "string"}
