"""How a plan differs from the one before: the stretches that changed, and why."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest

from env.time_grid import SLOT, grid
from planner.summaries.differences import ComparedPlan, difference
from planner.wording.values import Words
from tests.builders.homes import STOCKHOLM
from tests.planner.plans.test_explanations import LONG_DAY, SHORT_DAY

WORDS = Words("SEK", STOCKHOLM)


def plan(day=SHORT_DAY, **columns: Sequence[object]) -> ComparedPlan:
    """Eight slots from midnight: the battery rests, and nothing is expected."""
    slots = grid(day, day, STOCKHOLM).select("slot_start").slice(6, 8)
    quiet = dict.fromkeys(("charge_kwh", "discharge_kwh", "load_kwh", "pv_kwh"), 0.0)
    frame = slots.with_columns(
        reason=pl.lit("hold"),
        import_price=pl.lit(-0.5),
        export_price=pl.lit(-1.0),
        soc_start_percent=pl.lit(50.0),
        by_hand=pl.lit(value=False),
        **{name: pl.lit(value) for name, value in quiet.items()},
    )
    return ComparedPlan(
        slots=frame.with_columns(**{name: pl.Series(values) for name, values in columns.items()}),
        source="value",
        model="",
        peaks=(),
    )


def charging(*slots: int, kwh: float = 1.0, day=SHORT_DAY) -> ComparedPlan:
    return plan(
        day,
        reason=["charge_from_grid" if slot in slots else "hold" for slot in range(8)],
        charge_kwh=[kwh if slot in slots else 0.0 for slot in range(8)],
    )


def sentences(before: ComparedPlan, after: ComparedPlan) -> list[str]:
    return [change.sentence for change in difference(before, after, WORDS).changes]


def test_nothing_is_told_when_plans_are_alike() -> None:
    same = difference(charging(1, 2), charging(1, 2, kwh=1.01), WORDS)
    assert (same.changes, same.causes) == ((), ())


@pytest.mark.parametrize(
    ("day", "first", "second"),
    [
        pytest.param(SHORT_DAY, "Sun 01:45–03:00", "Sun 03:00–03:15", id="92 slots"),
        pytest.param(LONG_DAY, "Sun 01:45–02:00 CEST", "Sun 02:00 CEST–02:15 CEST", id="100 slots"),
    ],
)
def test_moved_block_is_told_with_its_hours_when_the_clock_changes(day, first: str, second: str) -> None:
    told = sentences(charging(1, day=day), charging(2, day=day))
    assert told == [f"{first}: leave the battery instead of charge", f"{second}: charge instead of leave the battery"]


def test_more_of_the_same_is_told_by_its_energy_when_intents_stay() -> None:
    assert sentences(charging(1, 2), charging(1, 2, kwh=1.5)) == ["Sun 01:45–03:15: charge, 1.00 kWh more"]
    covers = [plan(reason=["cover_load"] * 8, discharge_kwh=[kwh] * 8) for kwh in (0.5, 0.25)]
    assert sentences(*covers) == ["Sun 01:30–04:30: cover load, 2.00 kWh less"]


def test_only_common_slots_are_compared_when_time_has_passed() -> None:
    before = charging(0, 5)
    after = replace(before, slots=charging(5).slots.slice(1))
    assert difference(before, after, WORDS).changes == ()
    apart = replace(before, slots=before.slots.with_columns(pl.col("slot_start") + timedelta(days=2)))
    assert difference(before, apart, WORDS).changes == ()


CAUSES = {
    "load": (plan(load_kwh=[0.1] * 8), "load", "0.80 kWh more load is expected"),
    "sun": (plan(pv_kwh=[0.1] * 8), "pv", "0.80 kWh more sun is expected"),
    "stored energy": (plan(soc_start_percent=[54.0] * 8), "soc", "54 % is stored, 50 % was expected"),
    "prices": (plan(import_price=[1.0] * 8), "prices", "prices have changed"),
    "by hand": (plan(by_hand=[True] * 8), "by_hand", "what is set by hand has changed"),
    "source": (
        replace(plan(), source="mpc"),
        "source",
        "made by the optimiser, the plan before by the value function",
    ),
    "model": (replace(plan(), model="3"), "model", "another version of the champion is in use"),
    "peaks": (replace(plan(), peaks=(1,)), "peaks", "the month's peaks have moved"),
}


@pytest.mark.parametrize(("after", "cause", "sentence"), CAUSES.values(), ids=CAUSES)
def test_cause_is_named_when_an_input_has_changed(after: ComparedPlan, cause: str, sentence: str) -> None:
    assert difference(plan(), after, WORDS).causes == ((cause, sentence),)


def test_arrived_prices_are_the_cause_when_the_new_plan_reaches_further() -> None:
    longer = replace(
        plan(), slots=pl.concat([plan().slots, plan().slots.tail(1).with_columns(pl.col("slot_start") + SLOT)])
    )
    assert difference(plan(), longer, WORDS).causes == (("prices", "prices until Sun 04:45 have arrived"),)


def test_readings_are_the_cause_when_nothing_else_has_changed() -> None:
    told = difference(charging(1), charging(2), WORDS)
    assert [cause for cause, _ in told.causes] == ["readings"]
