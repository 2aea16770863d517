"""Judges the plans of a simulated home by what was really so: prices, stored energy, load and sun, and what they say.

Nothing here asks the planner what it knew: the market's prices, the flows of the home and the days of its lake are
looked up, and a plan that claims more than they give is written down as invented.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.service.schemas.plans import CommandDocument, Input, PlanDocument
from darkstar_pipeline.warehouse.schemas import METER_READINGS, RAW_SPOT_PRICES
from env.time_grid import local_clock, slot_of, zone

PLANNED = ("champion", "value", "mpc")
PRICE_TOLERANCE = 5e-4
"""Sources round to 0.01 öre and 0.01 euro per MWh [money/kWh]."""
SOC_TOLERANCE = 1.0
"""Sensors round to a tenth of a percent [points]."""
RECORDED_MINUTES = (0.0, 5.5, 10.5, 15.5, 20.5)
"""Ages of a recorded level: states come every five minutes, and one is held for 15 where its sensor went away [min]."""
LOAD_TOLERANCE = 0.05
LOOKBACK_DAYS = 7
STALE = timedelta(minutes=31)


@dataclass(frozen=True)
class Truth:
    """The truth of what was and will be.

    Attributes:
        prices: import and export price by slot [money/kWh].
        house: load and PV by slot [kWh].
        soc: the state of charge of a moment [%].
        published: the last day whose prices are published now.
    """

    prices: Mapping[datetime, tuple[float, float]]
    house: Mapping[datetime, tuple[float, float]]
    soc: Callable[[datetime], float]
    published: Callable[[], date]


@dataclass
class Judgement:
    """The findings of all plans and slots.

    Attributes:
        slots: slots that began.
        rungs: how many of them were led by each source of plans.
        plans: plans that were judged.
        bases: how often each input had each state and basis.
        invented: what a plan says that is not so, in words; none is the target.
        untold: slots that were led without known prices and whose plan does not say so.
        unplanned: slots without a command of a plan that reaches them.
        fallen: slots whose prices were known and that no upper source planned.
    """

    slots: int = 0
    rungs: Counter[str] = field(default_factory=Counter[str])
    plans: int = 0
    bases: Counter[str] = field(default_factory=Counter[str])
    invented: list[str] = field(default_factory=list[str])
    untold: list[str] = field(default_factory=list[str])
    unplanned: list[str] = field(default_factory=list[str])
    fallen: list[str] = field(default_factory=list[str])


class Judge:
    """Judges plan after plan, and slot after slot.

    Args:
        context: the site.
        truth: what really is so.
    """

    def __init__(self, context: Context, truth: Truth) -> None:
        self._context, self._truth = context, truth
        self.found = Judgement()
        self._ranges: dict[tuple[date, int], pl.DataFrame] = {}

    def judge_plan(self, plan: PlanDocument) -> None:
        """Judge a new plan."""
        self.found.plans += 1
        inputs = {each.name: each for each in plan.inputs}
        for each in plan.inputs:
            self.found.bases[f"{each.name}: {each.state}, {each.basis}"] += 1
        self._judge_prices(plan, inputs)
        self._judge_soc(plan, inputs["soc"])
        self._judge_forecast(plan, inputs)

    def judge_slot(self, plan: PlanDocument, command: CommandDocument, now: datetime) -> None:
        """Judge what leads the slot of a moment."""
        found, start = self.found, slot_of(now)
        found.slots += 1
        found.rungs[plan.rung] += 1
        if plan.valid_until <= now or plan.created_at > now or command.plan_id != plan.id:
            found.unplanned.append(f"{now:%m-%d %H:%M} {plan.rung}")
        prices = next((each for each in plan.inputs if each.name == "prices"), None)
        known = self._is_known(start)
        told = prices is not None and prices.state != "fresh" and bool(prices.note)
        if not known and not told:
            found.untold.append(f"{now:%m-%d %H:%M} {plan.rung}: {plan.why}")
        if known and plan.rung not in PLANNED:
            found.fallen.append(f"{now:%m-%d %H:%M} {plan.rung}: {plan.why}")

    def _is_known(self, start: datetime) -> bool:
        """Return whether the lake has the price of a slot."""
        day = start.astimezone(zone(self._context.timezone)).date()
        rows = self._context.lake.read(RAW_SPOT_PRICES, self._context.site_name, day, day)
        return rows.filter((pl.col("slot_start") == start) & pl.col("price").is_not_null()).height > 0

    def _judge_prices(self, plan: PlanDocument, inputs: Mapping[str, Input]) -> None:
        published = self._truth.published()
        for slot in plan.slots:
            if slot.import_price is None or slot.export_price is None:
                continue
            true = self._truth.prices.get(slot.slot_start)
            day = slot.slot_start.astimezone(zone(self._context.timezone)).date()
            if true is None or day > published:
                self._invents(plan, f"a price of {slot.slot_start:%m-%d %H:%M}, which nobody has published")
                return
            wrong = abs(slot.import_price - true[0]), abs(slot.export_price - true[1])
            if max(wrong) > PRICE_TOLERANCE:
                self._invents(plan, f"{slot.import_price:.4f} at {slot.slot_start:%m-%d %H:%M}, it is {true[0]:.4f}")
                return
        priced = plan.slots[0].import_price is not None
        prices = inputs.get("prices")
        if priced and prices is None:
            self._invents(plan, "prices, and says nothing of them")

    def _judge_soc(self, plan: PlanDocument, soc: Input) -> None:
        percent = plan.slots[0].soc_start_percent
        if percent is None:
            return
        if soc.basis != "measured":
            if soc.state == "fresh":
                self._invents(plan, f"a state of charge {soc.basis} and fresh")
            return
        if soc.at is None or plan.created_at - soc.at > STALE:
            self._invents(plan, f"measured stored energy of {soc.at}")
            return
        ages = RECORDED_MINUTES if soc.source == "observed" else RECORDED_MINUTES[:2]
        true = [self._truth.soc(soc.at - timedelta(minutes=age)) for age in ages]
        low, high = min(true), max(true)
        if not low - SOC_TOLERANCE <= percent <= high + SOC_TOLERANCE:
            words = f"it was {low:.1f} to {high:.1f} %"
            self._invents(plan, f"{percent:.1f} % measured ({soc.source}) at {soc.at:%H:%M:%S}, {words}")

    def _judge_forecast(self, plan: PlanDocument, inputs: Mapping[str, Input]) -> None:
        """Check that expected load and PV lie within what the home really had at that time of the days before."""
        today = plan.created_at.astimezone(zone(self._context.timezone)).date()
        for name in ("load", "pv"):
            stated = inputs.get(name)
            if stated is None or stated.basis is None or "taken as none" in stated.note:
                continue
            days = LOOKBACK_DAYS if stated.basis == "projected" else 2 * LOOKBACK_DAYS
            expected = pl.DataFrame(
                {
                    "slot_start": [slot.slot_start for slot in plan.slots],
                    "expected": [getattr(slot, f"{name}_kwh") for slot in plan.slots],
                }
            )
            within = self._range(today, days).select("local_clock", f"{name}_low", f"{name}_high")
            joined = expected.with_columns(local_clock(self._context.timezone)).join(within, on="local_clock")
            outside = joined.filter(
                (pl.col("expected") < pl.col(f"{name}_low") - LOAD_TOLERANCE)
                | (pl.col("expected") > pl.col(f"{name}_high") + LOAD_TOLERANCE)
            )
            if outside.height:
                row = outside.row(0, named=True)
                span = f"{row[f'{name}_low']:.3f} to {row[f'{name}_high']:.3f}"
                words = f"{name} {row['expected']:.3f} kWh at {row['slot_start']:%m-%d %H:%M}, the last days had {span}"
                self._invents(plan, words)

    def _range(self, today: date, days: int) -> pl.DataFrame:
        """Return the least and the most that each time of day had in the last days."""
        key = (today, days)
        if key not in self._ranges:
            house = self._truth.house
            frame = pl.DataFrame(
                {
                    "slot_start": list(house),
                    "load": [v[0] for v in house.values()],
                    "pv": [v[1] for v in house.values()],
                }
            )
            day = pl.col("slot_start").dt.convert_time_zone(self._context.timezone).dt.date()
            past = frame.filter(day.is_between(today - timedelta(days=days), today, closed="left"))
            self._ranges[key] = (
                past.with_columns(local_clock(self._context.timezone))
                .group_by("local_clock")
                .agg(
                    *(pl.col(name).min().alias(f"{name}_low") for name in ("load", "pv")),
                    *(pl.col(name).max().alias(f"{name}_high") for name in ("load", "pv")),
                )
            )
        return self._ranges[key]

    def _invents(self, plan: PlanDocument, what: str) -> None:
        self.found.invented.append(f"{plan.created_at:%m-%d %H:%M} {plan.rung}: {what}")


@dataclass(frozen=True)
class LakeJudgement:
    """The lake beside the truth, of the simulated days.

    Attributes:
        price_slots: slots with a price.
        wrong_prices: of these, slots whose price is not the market's.
        reading_slots: slots with a load.
        wrong_readings: of these, slots in which any stored energy is not what flowed.
        unread: slots without a load.
    """

    price_slots: int
    wrong_prices: int
    reading_slots: int
    wrong_readings: int
    unread: int
    examples: tuple[str, ...]


def judge_lake(context: Context, prices: pl.DataFrame, flows: pl.DataFrame, first: date, last: date) -> LakeJudgement:
    """Judge what was stored of the simulated days.

    Args:
        context: the site.
        prices: `slot_start, true_price` of the market [money/kWh].
        flows: `slot_start` and what really flowed.
        first: first local day.
        last: last local day.
    """
    site = context.site_name
    stored = context.lake.read(RAW_SPOT_PRICES, site, first, last).drop_nulls("price")
    joined = stored.join(prices, on="slot_start", how="left")
    wrong = joined.filter(
        pl.col("true_price").is_null() | ((pl.col("price") - pl.col("true_price")).abs() > PRICE_TOLERANCE)
    )
    readings = context.lake.read(METER_READINGS, site, first, last).join(
        flows, on="slot_start", how="inner", suffix="_true"
    )
    names = ("load_kwh", "pv_kwh", "import_kwh", "export_kwh", "batt_charge_kwh", "batt_discharge_kwh")
    off = readings.filter(
        pl.any_horizontal((pl.col(name) - pl.col(f"{name}_true")).abs() > LOAD_TOLERANCE for name in names)
    )
    read = readings.drop_nulls("load_kwh").height
    examples = tuple(
        f"{row['slot_start']:%m-%d %H:%M} "
        + ", ".join(f"{name} {row[name]} for {row[f'{name}_true']:.3f}" for name in names if row[name] is not None)
        for row in off.head(10).iter_rows(named=True)
    )
    return LakeJudgement(stored.height, wrong.height, read, off.height, flows.height - read, examples)
