"""Isolation of what fails among pieces that are worked on together, so that one bad home never stops the others."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import polars as pl

Piece = TypeVar("Piece")
Answer = TypeVar("Answer")
Errors = type[Exception] | tuple[type[Exception], ...]

MISTAKES: tuple[type[Exception], ...] = (Exception, pl.exceptions.PanicException)
"""Whatever can go wrong in a piece of work that others outlive; a panic of Polars is no `Exception`."""


def isolated(
    work: Callable[[Sequence[Piece]], Answer],
    pieces: Sequence[Piece],
    *,
    caught: Errors = MISTAKES,
    fatal: Errors = (),
) -> tuple[list[Answer], list[tuple[Piece, Exception]]]:
    """Work on pieces together, and where that fails on each half of them, until what fails is alone.

    A bad piece of a hundred costs fifteen attempts, of three hundred pieces in all; one by one it costs a hundred.

    Args:
        work: works on some of the pieces, in their order; what it failed at it may be given again.
        pieces: the pieces.
        caught: errors that a piece is left out for; others are raised.
        fatal: those of them that are of no single piece, and are raised too.

    Returns:
        The answers for parts of the pieces, in their order, and each piece that failed with its error.

    >>> isolated(lambda part: [1 / each for each in part], [1, 2, 0, 4])[0]
    [[1.0, 0.5], [0.25]]
    """
    if not pieces:
        return [], []
    try:
        return [work(pieces)], []
    except fatal:
        raise
    except caught as error:
        if len(pieces) == 1:
            return [], [(pieces[0], error)]
    half = len(pieces) // 2
    parts = [isolated(work, part, caught=caught, fatal=fatal) for part in (pieces[:half], pieces[half:])]
    return [each for done, _ in parts for each in done], [each for _, failed in parts for each in failed]
