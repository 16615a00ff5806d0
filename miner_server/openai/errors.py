"""Errors in OpenAI's form: `{"error": {"message", "type", "param", "code"}}`, with statuses that its clients know."""

from typing import Any

from engine.transport.errors import Refusal
from miner_server.call import Form
from miner_server.errors import RequestTooLong

INVALID = "invalid_request_error"
TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
SERVER = "server_error"


class ApiError(Refusal):
    """A refusal in OpenAI's form. `param` names the parameter that is at fault, `code` is for programs."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        close: bool = False,
        gate: str = "",
    ) -> None:
        super().__init__(status, message, retry_after=retry_after, close=close, gate=gate)
        self.param = param
        self.code = code

    def body(self) -> dict[str, Any]:
        return body_of(self.status, str(self.detail), param=self.param, code=self.code)


def body_of(status: int, message: str, *, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    """The JSON of an error."""
    kind = TYPES.get(status, INVALID if status < 500 else SERVER)
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def _in_openais_form(refusal: Refusal) -> ApiError:
    """What some other part of the miner refused. Requests that the model cannot answer are 400 here."""
    if isinstance(refusal, ApiError):
        return refusal
    is_too_long = str(refusal.detail).startswith(RequestTooLong.said)
    return ApiError(
        400 if refusal.status == 422 else refusal.status,
        str(refusal.detail),
        param="messages" if is_too_long else None,
        code="context_length_exceeded" if is_too_long else None,
        retry_after=refusal.retry_after,
        close=refusal.close,
        gate=refusal.gate,
    )


OPENAI = Form(_in_openais_form, in_stream=True)
"""How the calls of OpenAI's API are refused."""
