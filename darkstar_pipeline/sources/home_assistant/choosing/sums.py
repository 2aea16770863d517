"""Sums of sensors: slot by slot, and for a signed power at every instant, for phases balance each other."""

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

import numpy as np
import polars as pl

from darkstar_pipeline.sources.home_assistant.energy_curve import Reals
from darkstar_pipeline.sources.home_assistant.held_levels import level_at
from darkstar_pipeline.sources.home_assistant.series import Kind, Series


def as_one_power(terms: Sequence[Series]) -> Series:
    """Return several powers as one; where one has no value, the sum has none."""
    seconds = np.unique(np.concatenate([term.seconds for term in terms]))
    levels = (term.weight * level_at(seconds, term.seconds, term.values) for term in terms)
    values = np.sum(np.stack(list(levels)), axis=0)
    contradicted = np.concatenate([term.contradicted for term in terms])
    return replace(terms[0], entity=named(terms), seconds=seconds, values=values, weight=1.0, contradicted=contradicted)


def named(terms: Sequence[Series]) -> str:
    """Return the sum of sensors in words: `sensor.a + sensor.b - sensor.c`."""
    first, *others = terms
    start = f"-{first.entity}" if first.weight < 0 else first.entity
    return start + "".join(f" {'-' if term.weight < 0 else '+'} {term.entity}" for term in others)


def lasting(terms: Sequence[Series], until: float) -> list[Series]:
    """Return counters of tariffs, which stand still while another counts, with their value at every reading of it.

    Args:
        terms: the sensors of a sum; powers stay as they are.
        until: end of the recording [s].
    """
    seconds = np.unique(np.concatenate([*(term.known()[0] for term in terms), [until]]))
    return [_lasting(term, seconds) if term.kind is not Kind.POWER else term for term in terms]


def _lasting(term: Series, instants: Reals) -> Series:
    """A counter at given instants; before its first reading it stood where that shows it."""
    seconds, values = term.known()
    index = np.searchsorted(seconds, instants, side="right") - 1
    return replace(term, seconds=instants, values=values[np.maximum(index, 0)])


def summed(frames: Sequence[pl.DataFrame], terms: Sequence[Series], column: str) -> tuple[pl.DataFrame, float]:
    """Return the sum of the slots that all terms have, and what of it was below zero and is held at zero [kWh].

    Args:
        frames: `[slot_start, <column>]` of each term.
        terms: the sensors, with their weights.
        column: name of the quantity.
    """
    weighted = [frame.with_columns(pl.col(column) * term.weight) for frame, term in zip(frames, terms, strict=True)]
    added = reduce(
        lambda one, other: one.join(other.rename({column: "_other"}), on="slot_start", how="inner").select(
            "slot_start", pl.col(column) + pl.col("_other")
        ),
        weighted,
    ).sort("slot_start")
    below = -float(added[column].clip(upper_bound=0.0).sum())
    return added.with_columns(pl.col(column).clip(lower_bound=0.0)), below
