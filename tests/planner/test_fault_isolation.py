"""Pieces that fail are found among those that are worked on together, and stop no other."""

from collections.abc import Callable, Sequence

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.fault_isolation import isolated


def refusing(bad: set[int], asked: list[int]) -> Callable[[Sequence[int]], list[int]]:
    def work(part: Sequence[int]) -> list[int]:
        asked.append(len(part))
        if wrong := bad.intersection(part):
            raise ValueError(*sorted(wrong))
        return list(part)

    return work


@given(st.integers(0, 40), st.sets(st.integers(0, 39)))
def test_every_good_piece_is_done_once_in_order_and_every_bad_one_is_named(n: int, bad: set[int]) -> None:
    done, failed = isolated(refusing(bad, []), range(n))
    assert [each for part in done for each in part] == [each for each in range(n) if each not in bad]
    assert [(piece, error.args) for piece, error in failed] == [(each, (each,)) for each in range(n) if each in bad]


def test_one_bad_piece_of_a_hundred_costs_few_attempts() -> None:
    asked: list[int] = []
    isolated(refusing({57}, asked), range(100))
    assert len(asked) <= 15
    assert sum(asked) <= 300


@pytest.mark.parametrize("errors", [{"caught": KeyError}, {"fatal": ValueError}], ids=["not caught", "fatal"])
def test_errors_of_no_single_piece_are_raised(errors: dict[str, type[Exception]]) -> None:
    with pytest.raises(ValueError, match="3"):
        isolated(refusing({3}, []), range(9), **errors)


def test_a_panic_of_polars_leaves_out_its_piece_alone() -> None:
    def work(part: Sequence[int]) -> Sequence[int]:
        if 3 in part:
            raise pl.exceptions.PanicException
        return part

    done, failed = isolated(work, range(5))
    assert [each for part in done for each in part] == [0, 1, 2, 4]
    assert [piece for piece, _ in failed] == [3]
