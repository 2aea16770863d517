from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from env.command_menu import command_menu
from env.inverter import Command, Energy
from env.site import Limits
from env.time_grid import SLOT_DTYPE
from planner.evaluation.daily_results import daily_results
from planner.evaluation.verdict import captured_share
from planner.policies.value_policy import ValueDays
from planner.replay.daily import replay_days
from planner.value.protocol import Protocol
from tests.builders.homes import days_of_slots, home

SPRING, SUMMER = date(2026, 3, 29), date(2026, 6, 10)
HALF = Protocol(start_soc_kwh=17.1)
TIGHT = Limits(import_kw=9, export_kw=4, inverter_kw=7, curtailable=True)
COMMAND_COLUMNS = ("charge_kw", "discharge_kw", "export_kw")
NO_FORECASTS = pl.DataFrame(
    schema={"slot_start": SLOT_DTYPE, "local_day": pl.Date, "load_kwh": pl.Float64, "pv_kwh": pl.Float64}
)


def around(day: date, *, before: int, after: int = 0, seed: int = 1) -> pl.DataFrame:
    return days_of_slots(day - timedelta(days=before), day + timedelta(days=after), seed=seed)


def replayed(slots: pl.DataFrame, history: pl.DataFrame | None, limits: Limits = TIGHT) -> pl.DataFrame:
    return replay_days("value", slots, NO_FORECASTS, home(limits=limits), HALF, history=history, workers=1)


@pytest.mark.parametrize("scrambled", ["load_kwh", "pv_kwh"])
def test_commands_up_to_a_slot_are_the_same_when_readings_from_it_on_are_scrambled(scrambled: str) -> None:
    """Its command for a slot knows nothing of that slot, nor of any later one, not through the history either."""
    everything = around(SPRING, before=7)
    today = everything.filter(pl.col("local_day") == SPRING)
    base = replayed(today, everything, Limits())
    noise = pl.Series(np.random.default_rng(7).uniform(0, 2, everything.height))
    for at in (0, 30, 60):
        later = pl.col("slot_start") >= today["slot_start"][at]
        other = everything.with_columns(pl.when(later).then(noise).otherwise(scrambled).alias(scrambled))
        other_schedule = replayed(other.filter(pl.col("local_day") == SPRING), other, Limits())
        assert other_schedule.select(COMMAND_COLUMNS).head(at + 1).equals(base.select(COMMAND_COLUMNS).head(at + 1))
        assert not other_schedule.select(COMMAND_COLUMNS).equals(base.select(COMMAND_COLUMNS)), "scrambling did nothing"


def test_policy_reads_the_slot_before_and_no_other_when_it_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    slots = around(SPRING, before=0)
    calls: list[tuple[int, float, float | None, float | None]] = []

    def decide(_: ValueDays, slot: int, soc: Energy, load: Energy | None, pv: Energy | None) -> Command:
        calls.append((slot, soc.item(), None if load is None else load.item(), None if pv is None else pv.item()))
        return Command(np.zeros(1), np.full(1, 8.0), np.zeros(1))

    monkeypatch.setattr(ValueDays, "command", decide)
    frame = replayed(slots, None)
    load, pv = slots["load_kwh"].to_list(), slots["pv_kwh"].to_list()
    before = [(None, None), *zip(load[:-1], pv[:-1], strict=True)]
    assert calls == [(i, soc, *before[i]) for i, soc in enumerate(frame["soc_start_kwh"].to_list())]


def test_days_are_the_same_bit_for_bit_when_replayed_together_or_one_by_one() -> None:
    everything = around(SPRING, before=10, after=2)
    asked = everything.filter(pl.col("local_day") > SPRING - timedelta(days=4))
    together = replayed(asked, everything)
    days = asked["local_day"].unique().sort().to_list()
    alone = []
    for day in days:
        reach = pl.col("local_day").is_between(day - timedelta(days=7), day - timedelta(days=1))
        alone.append(replayed(asked.filter(pl.col("local_day") == day), everything.filter(reach)))
    assert len(days) == 6
    assert together.equals(pl.concat(alone))


def test_nearly_all_is_captured_when_days_repeat_themselves() -> None:
    day = around(SUMMER, before=0)
    past = [
        day.with_columns(pl.col("slot_start").dt.offset_by(f"-{back}d"), pl.col("local_day").dt.offset_by(f"-{back}d"))
        for back in range(1, 8)
    ]
    frames = {"value": replayed(day, pl.concat(past), Limits())}
    frames |= {name: replay_days(name, day, NO_FORECASTS, home(), HALF) for name in ("idle", "oracle")}
    costs = {name: daily_results(frame, HALF, home())["cost"].to_numpy() for name, frame in frames.items()}
    share = captured_share(costs, "value")
    assert share is not None
    assert 0.97 < share <= 1


@pytest.mark.parametrize("history", [None, around(SPRING, before=2).clear()], ids=["none", "empty"])
def test_day_is_replayed_and_breaks_nothing_when_there_is_no_history(history: pl.DataFrame | None) -> None:
    slots, limits = around(SPRING, before=0), Limits(import_kw=60, export_kw=4, inverter_kw=7)
    schedule = replayed(slots, history, limits)
    assert schedule["charge_kwh"].sum() > 1
    assert daily_results(schedule, HALF, home(limits=limits))["breaches"].to_list() == [0]


def test_choices_are_each_a_command_of_its_own_within_the_limits() -> None:
    site = home(limits=TIGHT)
    menu = list(zip(*command_menu(site), strict=True))
    assert len(set(menu)) == len(menu) > 20
    assert menu[:3] == [(0.0, 8.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 4.0)]
    assert all(charge == 0 or discharge == export == 0 for charge, discharge, export in menu)
    assert max(max(command) for command in menu) == 8
