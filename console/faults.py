"""What stops a run and is not a fault of the program, with the exit code that says so."""

from collections.abc import Iterator
from contextlib import contextmanager

from console.errors import ConsoleError, ExitCode
from engine.chain.interface import ChainUnavailable
from engine.chain.local import ChainDataError, ChainInUse
from engine.chain.wallets import WalletError
from engine.challenges.errors import ChallengeError
from engine.encoding.errors import EncoderError
from engine.folders import FolderError
from engine.locks import AlreadyRunning
from engine.store.errors import StoreError
from engine.supervisor import Fatal
from miner_server.errors import MinerError

CODES: tuple[tuple[tuple[type[Exception], ...], ExitCode], ...] = (
    ((AlreadyRunning, ChainInUse), ExitCode.HELD),
    ((ChainUnavailable,), ExitCode.CHAIN),
    (
        (
            ChainDataError,
            ChallengeError,
            EncoderError,
            FolderError,
            MinerError,
            StoreError,
            WalletError,
        ),
        ExitCode.USAGE,
    ),
)


@contextmanager
def told() -> Iterator[None]:
    """Raises as a ConsoleError what an operator can mend."""
    try:
        yield
    except Exception as error:
        mended = for_the_operator(error)
        if mended is error:
            raise
        raise mended from error


def for_the_operator(error: BaseException) -> BaseException:
    """The error of a room as one with an exit code; an error that no operator can mend stays as it is."""
    if isinstance(error, Fatal):
        return ConsoleError(str(error), ExitCode(error.exit_code))
    for kinds, code in CODES:
        if isinstance(error, kinds):
            return ConsoleError(str(error), code)
    return error
