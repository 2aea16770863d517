"""The money between the policy `value` and perfect hindsight, split by what would have to be known, and by battery.

Knowledge is replayed (`planner.replay.known_home`): the same policy, home and prices, with the sun, the load or the
next day's prices known beforehand. The parts do not add up to the whole. Where power is charged, what knowing all of
them leaves is the rest of the month, for its peaks, and what the policy itself loses. What is stored for the page is in
`stored_missing_money`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, cast

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.month_before import month_before
from darkstar_pipeline.datasets.price_forecaster import price_forecaster
from darkstar_pipeline.datasets.replay_inputs import ReplayInputs, protocol_of
from darkstar_pipeline.evaluation.missing_words import HINDSIGHT, MONTH, battery_name
from darkstar_pipeline.evaluation.range_verdict import ORACLE
from darkstar_pipeline.forecasts.replay_forecasts import forecast_replay_inputs
from darkstar_pipeline.forecasts.site_scenarios import replay_past
from env.battery import Battery
from planner.demand_charges.bills import has_demand_charge
from planner.evaluation.charged_results import charged_results
from planner.evaluation.verdict import paid
from planner.forecasts.price_forecast import PriceForecaster
from planner.policies.window import open_window
from planner.replay.continuous import replay_in
from planner.replay.daily import replay_days
from planner.replay.known_home import CONTINUOUS_KNOWLEDGE, DAILY_KNOWLEDGE, replay_known_days, replay_known_window
from planner.value.scenario_source import Past

IDLE, VALUE = "idle", "value"
NEEDED = (IDLE, VALUE, ORACLE)
"""Policies whose costs on the days are taken from the evaluation that was just made."""
SIZE_KWH = 5.0
"""From one size of a battery to the next."""


@dataclass(frozen=True)
class MissingMoney:
    """Savings of `value` on a range of days, beside what it would save if it knew more or had another battery [money].

    Attributes:
        saved: against a battery that is not used.
        hindsight: further saving of perfect hindsight.
        by_knowledge: further saving by what is known: `sun`, `load`, `sun_and_load`; where days follow days, `prices`
            and `all`, too.
        month: where power is charged, what hindsight saves beyond the most that is known there; else None.
        by_capacity: further saving of a battery of that many kWh with the same power, its price not counted.
    """

    saved: float
    hindsight: float
    by_knowledge: Mapping[str, float]
    month: float | None
    by_capacity: Mapping[float, float]


def missing_money(context: Context, costs: pl.DataFrame, *, continuous: bool = False) -> MissingMoney:
    """Replay `value` on usable days with parts of the future known, and with other batteries.

    Args:
        context: the site.
        costs: `policy, day, paid` of at least `NEEDED`, as `evaluate_range` gives them under the same protocol.
        continuous: stored energy is carried through the days.
    """
    days: list[date] = costs["day"].unique().sort().to_list()
    inputs = forecast_replay_inputs(context, days)
    past = replay_past(context, inputs.slots, inputs.forecasts, inputs.history)
    prices = price_forecaster(context.lake, context.site, max(days)) if continuous else None
    idle, value, oracle = (float(costs.filter(pl.col("policy") == name)["paid"].sum()) for name in NEEDED)
    home = _Home(context, inputs, past, context.site.battery, prices)
    by_knowledge = {
        name: value - home.cost(home.knowing(name))
        for name in (CONTINUOUS_KNOWLEDGE if continuous else DAILY_KNOWLEDGE)
    }
    most = by_knowledge["all" if continuous else "sun_and_load"]
    others = [
        _Home(context, inputs, past, home.site.battery.resized(size), prices) for size in sizes(home.site.battery)
    ]
    return MissingMoney(
        saved=idle - value,
        hindsight=value - oracle,
        by_knowledge=by_knowledge,
        month=value - oracle - most if has_demand_charge(home.site) else None,
        # Each against its own idle battery: a fuller one at the start is worth more on its own.
        by_capacity={
            other.site.battery.capacity_kwh: other.cost(other.replay(IDLE))
            - other.cost(other.replay(VALUE))
            - (idle - value)
            for other in others
        },
    )


class _Home:
    """The days with a battery, each on its own, or one after the other where prices can be forecast.

    Args:
        context: the site.
        inputs: of the days.
        past: what planners take the scenarios of the days from.
        battery: in place of the site's.
        prices: forecaster of the next day's prices; None where each day is on its own.
    """

    def __init__(
        self, context: Context, inputs: ReplayInputs, past: Past, battery: Battery, prices: PriceForecaster | None
    ) -> None:
        self.slots, self.forecasts, self.past = inputs.slots, inputs.forecasts, past
        self.site = replace(context.site, battery=battery)
        before = month_before(context.lake, context.site, cast("date", inputs.slots["local_day"].min()))
        self.protocol = replace(protocol_of(context.site_settings, battery), month_before=before)
        self.window = (
            None
            if prices is None
            else open_window(self.slots, self.forecasts, past, self.site, self.protocol, prices=prices)
        )

    def replay(self, policy: str) -> pl.DataFrame:
        """Return the schedule of a policy."""
        if self.window is not None:
            return replay_in(policy, self.window)
        return replay_days(policy, self.slots, self.forecasts, self.site, self.protocol, history=self.past)

    def knowing(self, name: str) -> pl.DataFrame:
        """Return the schedule of `value` where something is known."""
        if self.window is not None:
            return replay_known_window(CONTINUOUS_KNOWLEDGE[name], self.window)
        known, past = DAILY_KNOWLEDGE[name], self.past
        return replay_known_days(known, self.slots, self.forecasts, self.site, self.protocol, history=past)

    def cost(self, schedule: pl.DataFrame) -> float:
        """Return what a schedule costs, settled, with its demand charge [money]."""
        settled = self.protocol
        if self.window is not None:
            settled = replace(settled, settlement_value=self.window.settlement_value)
        results = charged_results(schedule, settled, self.site)
        return float(results.select(paid(results)).to_series().sum())


def sizes(battery: Battery) -> tuple[float, ...]:
    """Return the capacities one size down, where that leaves a battery, and one up [kWh].

    Less than half of a size is no battery that is sold.
    """
    smaller = battery.capacity_kwh - SIZE_KWH
    return (*((smaller,) if smaller >= SIZE_KWH / 2 else ()), battery.capacity_kwh + SIZE_KWH)


def missing_rows(found: MissingMoney) -> list[dict[str, Any]]:
    """Return rows `what, gain, share, part`: what `value` would save besides, as a share of what it saves.

    `part` is the share of what is missing to perfect hindsight; null for a battery, and where nothing is missing.
    """
    known = {
        HINDSIGHT: found.hindsight,
        **{f"{name}_known": gain for name, gain in found.by_knowledge.items()},
        **({} if found.month is None else {MONTH: found.month}),
    }
    batteries = {battery_name(capacity): gain for capacity, gain in found.by_capacity.items()}
    return [
        {
            "what": name,
            "gain": gain,
            "share": gain / found.saved if found.saved > 0 else None,
            "part": gain / found.hindsight if name in known and found.hindsight > 0 else None,
        }
        for name, gain in {**known, **batteries}.items()
    ]
