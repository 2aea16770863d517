"""Differences of a plan from the one before: which stretches changed, why, and what the change is worth.

A plan is compared in the slots that both have. What the change is worth is the modelled cost of going on with the
commands of the plan before, on the inputs of now, less that of the new plan.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

import polars as pl

from env.time_grid import SLOT
from planner.summaries.intents import CHARGE, STORE, Intent, intent_of
from planner.wording.phrases import name_of, phrase_named, source_words
from planner.wording.values import Words, energy

Cause: TypeAlias = Literal["prices", "load", "pv", "soc", "by_hand", "source", "model", "peaks", "readings"]

LEAST_KWH = 0.1
"""A stretch whose energy differs by less is the same to a person, and so is a forecast."""
LEAST_POINTS = 1.0
"""Stored energy that differs by less from what was expected is no cause [% of the capacity]."""
LEAST_PRICE = 1e-6  # money/kWh


@dataclass(frozen=True, kw_only=True)
class ComparedPlan:
    """The parts of a plan that are compared.

    Attributes:
        slots: `slot_start, reason, charge_kwh, discharge_kwh, import_price, export_price, load_kwh, pv_kwh,
            soc_start_percent, by_hand`.
        source: name of the source that made it.
        model: version of the model that made it; empty for none.
        peaks: the month's peaks that it rests on, as any value that can be compared.
        several: whether the home has more than one battery; `charge_kwh` and `discharge_kwh` are of all together.
    """

    slots: pl.DataFrame
    source: str
    model: str
    peaks: object
    several: bool = False


@dataclass(frozen=True, kw_only=True)
class Change:
    """A stretch of slots that is planned otherwise than before.

    Attributes:
        start: start of the first slot.
        end: end of the last slot.
        before: intent in the plan before.
        after: intent in the new plan.
        energy_kwh: energy that the battery takes up more than before; below zero where it gives more [kWh].
        sentence: the change in words.
    """

    start: datetime
    end: datetime
    before: Intent
    after: Intent
    energy_kwh: float
    sentence: str


@dataclass(frozen=True, kw_only=True)
class PlanDifference:
    """The difference of a plan from the one before.

    Attributes:
        changes: the stretches that are planned otherwise, in order; none where the plans are the same to a person.
        causes: why, each with its sentence; none where nothing changed.
    """

    changes: tuple[Change, ...]
    causes: tuple[tuple[Cause, str], ...]


def difference(before: ComparedPlan, after: ComparedPlan, words: Words) -> PlanDifference:
    """Return how a plan differs from the one before."""
    joined = after.slots.join(before.slots, on="slot_start", how="inner", suffix="_before", maintain_order="left")
    changes = tuple(_changes(joined, words, several=after.several))
    causes = _causes(before, after, joined, words)
    if changes and not causes:
        causes.append(("readings", phrase_named("cause.readings")))
    return PlanDifference(changes=changes, causes=tuple(causes))


def _changes(joined: pl.DataFrame, words: Words, *, several: bool) -> list[Change]:
    """Return the stretches of slots with the same two intents whose energy or intent differs."""
    changes: list[Change] = []
    for rows in _stretches(joined):
        taken = rows.select(
            after=(pl.col("charge_kwh") - pl.col("discharge_kwh")).sum(),
            before=(pl.col("charge_kwh_before") - pl.col("discharge_kwh_before")).sum(),
        ).row(0)
        more = float(taken[0]) - float(taken[1])
        if abs(more) >= LEAST_KWH:
            changes.append(_change(rows, more, words, several=several))
    return changes


def _stretches(joined: pl.DataFrame) -> Sequence[pl.DataFrame]:
    """Return runs of consecutive slots with the same intents in both plans."""
    if joined.is_empty():
        return []
    pairs = [(intent_of(a), intent_of(b)) for a, b in joined.select("reason", "reason_before").iter_rows()]
    starts = [slot for slot in range(len(pairs)) if slot == 0 or pairs[slot] != pairs[slot - 1]]
    ends = [*starts[1:], len(pairs)]
    return [joined.slice(start, end - start) for start, end in zip(starts, ends, strict=True)]


def _change(rows: pl.DataFrame, more_kwh: float, words: Words, *, several: bool) -> Change:
    start, end = rows["slot_start"][0], rows["slot_start"][-1] + SLOT
    before, after = intent_of(rows["reason_before"][0]), intent_of(rows["reason"][0])
    span = words.span(start, end)
    was, becomes = (phrase_named(name_of(f"intent.{each}", several=several)) for each in (before, after))
    if before == after:
        more = more_kwh > 0 if after in (CHARGE, STORE) else more_kwh < 0
        name = "change.more" if more else "change.less"
        sentence = phrase_named(name, span=span, intent=becomes, energy=energy(abs(more_kwh)))
    else:
        sentence = phrase_named("change.instead", span=span, before=was, after=becomes)
    return Change(start=start, end=end, before=before, after=after, energy_kwh=more_kwh, sentence=sentence)


def _causes(before: ComparedPlan, after: ComparedPlan, joined: pl.DataFrame, words: Words) -> list[tuple[Cause, str]]:
    """Return what is other than it was when the plan before was made."""
    causes: list[tuple[Cause, str]] = []
    ends = [each.slots["slot_start"][-1] + SLOT for each in (before, after)]
    if ends[1] > ends[0]:
        causes.append(("prices", phrase_named("cause.prices_arrived", time=words.moment(ends[1]))))
    elif _furthest(joined, "import_price") > LEAST_PRICE or _furthest(joined, "export_price") > LEAST_PRICE:
        causes.append(("prices", phrase_named("cause.prices")))
    causes += _forecast_causes(joined)
    causes += _soc_cause(joined)
    if not joined["by_hand"].equals(joined["by_hand_before"]):
        causes.append(("by_hand", phrase_named("cause.by_hand")))
    if before.source != after.source:
        made = {"before": source_words(before.source), "after": source_words(after.source)}
        causes.append(("source", phrase_named("cause.source", **made)))
    elif before.model != after.model:
        causes.append(("model", phrase_named("cause.model")))
    if before.peaks != after.peaks:
        causes.append(("peaks", phrase_named("cause.peaks")))
    return causes


def _forecast_causes(joined: pl.DataFrame) -> list[tuple[Cause, str]]:
    """Return forecasts of load and PV that have changed."""
    causes: list[tuple[Cause, str]] = []
    quantities: tuple[Literal["load", "pv"], ...] = ("load", "pv")
    for name in quantities:
        more = (joined[f"{name}_kwh"] - joined[f"{name}_kwh_before"]).to_numpy().sum() if joined.height else 0.0
        if abs(more) >= LEAST_KWH:
            way = "more" if more > 0 else "less"
            causes.append((name, phrase_named(f"cause.{way}_{name}", energy=energy(abs(float(more))))))
    return causes


def _soc_cause(joined: pl.DataFrame) -> list[tuple[Cause, str]]:
    """Return stored energy at the first slot that is other than was expected."""
    if joined.is_empty():
        return []
    now, expected = (joined[name][0] for name in ("soc_start_percent", "soc_start_percent_before"))
    if expected is None or now is None or abs(now - expected) < LEAST_POINTS:
        return []
    return [("soc", phrase_named("cause.soc", now=f"{now:.0f}", expected=f"{expected:.0f}"))]


def _furthest(joined: pl.DataFrame, name: str) -> float:
    return float((joined[name] - joined[f"{name}_before"]).abs().to_numpy().max()) if joined.height else 0.0
