"""Ctrl+C while DuckDB is at work: a KeyboardInterrupt, as everywhere else.

DuckDB answers the signal itself and raises a bare RuntimeError, which Dagster would take for a fault of the asset and a
shell for a crash.
"""

from collections.abc import Generator
from contextlib import contextmanager

_INTERRUPTED = "Query interrupted"


@contextmanager
def interruptible() -> Generator[None]:
    """Raise DuckDB's interruption as what it is.

    Raises:
        KeyboardInterrupt: a person interrupted the statement.
    """
    try:
        yield
    except RuntimeError as error:
        if str(error) == _INTERRUPTED:
            raise KeyboardInterrupt from error
        raise
