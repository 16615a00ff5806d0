"""Why a miner server or its backend fails."""


class MinerError(Exception):
    """The server cannot start: what is wrong and what the operator can do about it."""


class ClientGone(Exception):
    """The caller closed the connection before the answer."""


class BackendError(Exception):
    """The backend failed on this request.

    The text is for the operator and may quote the backend. Callers only get `status` and `said`, so that a backend's
    words never reach them. `again_in` is how many seconds until the same request may succeed; None for never.
    """

    status = 502
    said = "the model failed"

    def __init__(self, text: str, *, again_in: float | None = None) -> None:
        super().__init__(text)
        self.again_in = again_in


class BackendUnavailable(BackendError):
    """The backend is unavailable for now; the same request may succeed later."""

    status = 503
    said = "the model is busy or cannot be reached"


class BackendSlow(BackendError):
    """No answer within the deadline."""

    status = 504
    said = "the model took too long"


class NoAnswer(BackendError):
    """The model said nothing, or only reasoned."""

    said = "the model gave no answer"


class OutOfRoom(NoAnswer):
    """The model reached no answer within the request's tokens, which says nothing about the backend."""


class RequestUnfit(BackendError):
    """The backend can never answer this request."""

    status = 422
    said = "the model cannot answer this request"


class RequestTooLong(RequestUnfit):
    """The request does not fit into the model's context."""

    said = "the request is longer than the model can hold"
