"""Why a miner server does not answer, start or go on."""

from typing import Any


class MinerError(Exception):
    """The server cannot start: what is wrong and what the operator can do."""


class Refusal(Exception):
    """An answer other than 200: its HTTP status, its `detail`, further JSON fields and seconds for Retry-After."""

    def __init__(
        self,
        status: int,
        detail: Any,
        *,
        retry_after: float | None = None,
        extra: dict[str, Any] | None = None,
        close: bool = False,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.retry_after = retry_after
        self.extra = extra or {}
        self.close = close


class ClientGone(Exception):
    """The caller closed the connection before the answer."""


class BackendError(Exception):
    """The backend failed on this request; the text is for the caller and names no secret."""


class BackendUnavailable(BackendError):
    """The backend cannot work now; the same request may succeed later."""


class RequestUnfit(BackendError):
    """The backend can never answer this request, because it is too long or ill-formed."""
