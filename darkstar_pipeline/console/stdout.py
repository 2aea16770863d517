"""Stdout kept for answers: what libraries print while a command runs goes to stderr."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import TextIO


@contextmanager
def reserve_stdout() -> Generator[TextIO]:
    """Reserve stdout for answers: what libraries print meanwhile, from Python or from C, goes to stderr.

    Yields:
        The stream that leads to the real stdout.
    """
    stdout = sys.stdout
    stdout.flush()
    try:
        real, other = stdout.fileno(), sys.stderr.fileno()
    except OSError:  # a stream in memory has no descriptor, and no C library writes to it
        with redirect_stdout(sys.stderr):
            yield stdout
        return
    kept = os.dup(real)
    os.dup2(other, real)
    try:
        with os.fdopen(kept, "w", encoding="utf-8", closefd=False) as answers, redirect_stdout(sys.stderr):
            yield answers
    finally:
        _flush_c()
        os.dup2(kept, real)
        os.close(kept)


def _flush_c() -> None:
    """Have C libraries let go of what they printed: into a pipe, they would keep it until the program ends."""
    import ctypes  # 10 ms that `--help` need not pay

    with suppress(OSError, AttributeError, TypeError):  # no C library to speak to, on some systems
        ctypes.CDLL(None).fflush(None)
