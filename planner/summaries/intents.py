"""The intents of a plan: what the battery is there for in a slot, and the runs of slots that share one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import polars as pl

from env.types import Mask

Intent: TypeAlias = Literal["charge", "store", "cover", "sell", "sell_surplus", "curtail", "rest"]
INTENTS: tuple[Intent, ...] = get_args(Intent)
CHARGE, STORE, COVER, SELL, SELL_SURPLUS, CURTAIL, REST = INTENTS

_INTENT_OF: dict[str, Intent] = {
    "charge_from_grid": CHARGE,
    "paid_to_charge": CHARGE,
    "store_surplus": STORE,
    "sell_from_battery": SELL,
    "cover_load": COVER,
    "keep_under_fuse": COVER,
    "keep_under_peak": COVER,
    "sell_surplus": SELL_SURPLUS,
    "curtail": CURTAIL,
    "hold": REST,
    "keep_for_later": REST,
    "limited": REST,
}
"""Intent of a slot by its reason (`planner.plans.reasons.PLAN_REASONS`)."""

SHORT_SLOTS = 2
SHORT_SHARE = 0.1
CRUMB_KWH = 0.05
"""A run of at most so many slots that moves at most a crumb, and this share of what its neighbours of one intent move,
is theirs: a quarter of an hour in which a cloud is expected is no other intent."""


@dataclass(frozen=True)
class Run:
    """Consecutive slots with one intent.

    Attributes:
        intent: what they are for.
        first: index of the first slot.
        end: index after the last slot.
        by_hand: whether a person has set them.
        moved_kwh: energy charged and discharged [kWh].
    """

    intent: Intent
    first: int
    end: int
    by_hand: bool
    moved_kwh: float


def intent_of(reason: str) -> Intent:
    """Return the intent of a slot by its reason; to rest for one that only plans of earlier versions have."""
    return _INTENT_OF.get(reason, REST)


def runs(schedule: pl.DataFrame, *, by_hand: Mask | None = None) -> list[Run]:
    """Return the runs of an explained schedule; `by_hand` says which slots a person has set, None for none."""
    own = [False] * schedule.height if by_hand is None else by_hand.tolist()
    moved = (schedule["charge_kwh"] + schedule["discharge_kwh"]).to_list()
    slots = [
        Run(intent_of(reason), slot, slot + 1, own[slot], moved[slot]) for slot, reason in enumerate(schedule["reason"])
    ]
    return _without_interruptions(_joined(slots))


def _joined(parts: Sequence[Run]) -> list[Run]:
    """Return runs of which no two neighbours are alike."""
    whole: list[Run] = []
    for part in parts:
        if whole and (whole[-1].intent, whole[-1].by_hand) == (part.intent, part.by_hand):
            whole[-1] = _over(whole[-1], part)
        else:
            whole.append(part)
    return whole


def _without_interruptions(parts: list[Run]) -> list[Run]:
    """Return the runs with short ones between two of one intent taken into these."""
    kept: list[Run] = []
    for part in parts:
        kept.append(part)
        while len(kept) > 2 and _interrupts(*kept[-3:]):  # noqa: PLR2004 - a run between two
            kept[-3:] = [_over(kept[-3], kept[-1])]
    return kept


def _interrupts(before: Run, between: Run, after: Run) -> bool:
    if before.intent != after.intent or before.by_hand != after.by_hand or before.by_hand != between.by_hand:
        return False
    around = before.end - before.first + after.end - after.first
    few = between.end - between.first <= min(SHORT_SLOTS, around)
    return few and between.moved_kwh <= CRUMB_KWH + SHORT_SHARE * (before.moved_kwh + after.moved_kwh)


def _over(first: Run, last: Run) -> Run:
    """Return the run from the first slot of one to the last of another."""
    return Run(first.intent, first.first, last.end, first.by_hand, first.moved_kwh + last.moved_kwh)
