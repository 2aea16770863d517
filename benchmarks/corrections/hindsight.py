"""The ceiling of corrections: those whose figures are tuned in hindsight, on the very days that they are judged on.

A table says for each time of day how far the value of stored energy is moved, in spreads of the day's prices. Tried are
the same correction all day, corrections of a single part of the day, and the best of each part together, whole and
half. What the best of them gains is more than anything could learn that sees no more of a state than the clock;
`each_day` takes the best all-day correction of every day by itself, which needs the day's end to be known.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from env.gym.actions import Correction
from env.gym.home_batch import Setup
from env.gym.scaled_state import V2
from env.gym.states import State
from env.inverter import Energy

LEVELS = (-0.3, -0.15, -0.07, -0.03, 0.03, 0.07, 0.15, 0.3)  # spreads
PART_LEVELS = (-0.15, -0.05, 0.05, 0.15)
N_PARTS = 6  # of the day, four hours each
OFFSET = 1.0
"""Spreads that an action of 1 means; tables are in spreads."""
SETUP = Setup(action="correction", correction=Correction(offset=OFFSET))
_NAMES = [column.name for column in V2]
_SIN, _COS = _NAMES.index("clock_sin"), _NAMES.index("clock_cos")

Table = Energy
"""Correction by part of the day `(N_PARTS,)` [spreads]."""
DailyCosts = Callable[[Sequence[Table]], Energy]
"""Tables -> the cost of each on each day `(n_tables, n_days)` [money]."""


@dataclass(frozen=True, kw_only=True)
class Ceiling:
    """Costs of the days under corrections that were tuned on them, each `(n_days,)` [money].

    Attributes:
        all_day: with the best correction of the home.
        by_clock: with the best correction by time of day.
        each_day: with the best correction of each day; only where days stand for themselves.
    """

    all_day: Energy
    by_clock: Energy
    each_day: Energy


def corrections(state: State, table: Table) -> NDArray[np.float32]:
    """Return the actions that a table means in states `(n, n_columns)`."""
    share = np.arctan2(state[:, _SIN], state[:, _COS]) / (2 * np.pi) % 1.0
    part = np.minimum((share * N_PARTS + 1e-6).astype(np.intp), N_PARTS - 1)
    return (table[part] / OFFSET).astype(np.float32)[:, None]


def ceiling(costs: DailyCosts) -> Ceiling:
    """Return what tuning in hindsight reaches."""
    nothing, alone = np.zeros(N_PARTS), np.eye(N_PARTS)
    all_day = [nothing, *(nothing + level for level in LEVELS)]
    single = [level * alone[part] for part in range(N_PARTS) for level in PART_LEVELS]
    found = costs([*all_day, *single])
    totals = found.sum(axis=1)
    of_parts = totals[len(all_day) :].reshape(N_PARTS, -1)
    best = np.array(PART_LEVELS)[of_parts.argmin(axis=1)]
    together = np.where(of_parts.min(axis=1) < totals[0], best, 0.0)
    found = np.concatenate([found, costs([together, together / 2])])
    return Ceiling(
        all_day=found[totals[: len(all_day)].argmin()],
        by_clock=found[found.sum(axis=1).argmin()],
        each_day=found[: len(all_day)].min(axis=0),
    )
