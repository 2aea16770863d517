"""Share of a live plan that changes from one quarter of an hour to the next, and the cost of keeping commands.

The service's plans of `value` are made as a slot begins, every slot of some days, on what was read by then; the first
command runs through the inverter on the measured load and PV, and the next plan starts from what that leaves. A slot is
changed where the command of the next plan is another; slots that only one of the two plans has do not count. `anew`
plans without the plan before, `kept` as the service plans. Chosen on training weeks; the figures are of test weeks.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

import numpy as np
import polars as pl

from benchmarks.harness.results import Row, Scope
from benchmarks.homes.batteries import LARGE, USUAL, BenchBattery
from benchmarks.homes.bench_homes import BenchHomes, Pair, default_protocol
from env.inverter import Command, apply_command
from env.simulator import flows_cost
from planner.forecasts.price_forecast import PriceForecaster
from planner.parallel import map_shards
from planner.plans.policy_plans import RollingState, value_schedule
from planner.plans.task import End, PlanTask
from planner.policies.plan_before import CommandBefore, PlanBefore
from planner.policies.window import PUBLISHED_MINUTE, Window, open_window
from planner.value.terminal_value import concave_terminal_value

POWERS = list(Command._fields)
SAME_KW = 1e-3
DAYS_BEFORE = 8  # whose prices and readings value the energy at the end
DAYS_IN_A_ROW = 2
SHARES_OF_YEAR = (0.05, 0.3, 0.6, 0.85)
MOST_SHARE, MOST_COST = 0.5, 0.0005


@dataclass
class Replanned:
    """The result of re-planning some days.

    Attributes:
        common: slots that a plan shares with the one before.
        changed: those of them whose command is another.
        cost: paid and worn, less what the stored energy is worth at the end [money].
    """

    common: int = 0
    changed: int = 0
    cost: float = 0.0

    def add(self, other: "Replanned") -> None:
        """Add other days."""
        self.common += other.common
        self.changed += other.changed
        self.cost += other.cost


class LiveHome:
    """A home whose plans are made slot by slot over some days of the calendar.

    Args:
        homes: homes and prices.
        battery: its battery.
        pair: home and area.
        first: first day that is planned; those before are needed, too.
        n_days: number of days that are planned.
    """

    def __init__(self, homes: BenchHomes, battery: BenchBattery, pair: Pair, first: date, n_days: int) -> None:
        self.site = battery.site()
        protocol = default_protocol(self.site)
        slots = homes.slots(pair, self.site, first - timedelta(days=DAYS_BEFORE), first + timedelta(days=n_days))
        forecasts = homes.forecasts(pair[0], slots, self.site)
        prices = PriceForecaster(homes.all_prices(pair[1]), self.site.timezone)
        self.window = open_window(slots, forecasts, homes.history(pair[0]), self.site, protocol, prices=prices)
        days: list[date] = self.window.slots["local_day"].unique(maintain_order=True).to_list()
        self.days = range(days.index(first), days.index(first) + n_days)

    def run(self, *, keeps: bool) -> Replanned:
        """Plan every slot of the days, carry out the first commands, and compare each plan with the one before."""
        done, before = Replanned(), pl.DataFrame()
        soc_kwh = self.site.battery.soc_kwh(50.0)
        for day in self.days:
            first = int(self.window.starts[day])
            for slot in range(int(self.window.starts[day + 1]) - first):
                known = commands_of(before) if keeps else None
                plan = plan_of(self._state(day, slot), soc_kwh, known)
                if before.height:
                    done.add(_compared(before, plan))
                cost, soc_kwh = self._carried_out(plan, first + slot, soc_kwh)
                done.cost += cost
                before = plan
        done.cost -= soc_kwh * float(np.median(self.window.column("import_price")))
        return done

    def _state(self, day: int, slot: int) -> RollingState:
        """Return what a plan of a slot of a day sees; slots count from the day's first."""
        whole = self.window
        first, midnight = int(whole.starts[day]), int(whole.starts[day + 1])
        end = whole.horizon(first + slot, day)
        today, tomorrow = whole.slots.slice(first, midnight - first), whole.slots.slice(midnight, end - midnight)
        over = pl.int_range(pl.len()) < slot
        expected = [
            today.with_columns(
                pl.when(over).then(f"{name}_kwh").otherwise(f"{name}_forecast").alias(f"{name}_kwh")
                for name in ("load", "pv")
            ),
            tomorrow.with_columns(pl.col(f"{name}_tomorrow").alias(f"{name}_kwh") for name in ("load", "pv")),
        ]
        ends = whole.end_values if end == midnight else whole.next_end_values
        window = Window(pl.concat(expected), self.site, whole.protocol, whole.scenarios, last_value=ends[day])
        published = int(np.argmax(whole.clock[first:midnight] >= PUBLISHED_MINUTE)) if end > midnight else 0
        return RollingState(window=window, started_slot=min(published, slot), current_slot=slot)

    def _carried_out(self, plan: pl.DataFrame, slot: int, soc_kwh: float) -> tuple[float, float]:
        """Return what the first command costs as it came [money], and the energy that it leaves [kWh]."""
        row = self.window.slots.row(slot, named=True)
        flows = apply_command(
            Command(*(np.array([plan[name][0]]) for name in POWERS)),
            load_kwh=np.array([row["load_kwh"]]),
            pv_kwh=np.array([row["pv_kwh"]]),
            soc_kwh=np.array([soc_kwh]),
            export_price=np.array([row["export_price"]]),
            battery=self.site.battery,
            limits=self.site.limits,
        )
        cost = flows_cost(flows, np.array([row["import_price"]]), np.array([row["export_price"]]), self.site.battery)
        return float(cost[0]), float(flows.soc_end_kwh[0])


def plan_of(ahead: RollingState, soc_kwh: float, before: PlanBefore | None) -> pl.DataFrame:
    """Return the commands of the plan of a moment; without a plan before as plans were made at first."""
    window = ahead.window
    task = PlanTask(
        slots=window.slots.slice(ahead.current_slot).select(
            "slot_start", "import_price", "export_price", "load_kwh", "pv_kwh"
        ),
        site=window.site,
        start_soc_kwh=soc_kwh,
        end=End(curve=concave_terminal_value(window.last_values, window.site.battery)),
    )
    return value_schedule(task, ahead, before=before).schedule.select("slot_start", *POWERS)


def commands_of(plan: pl.DataFrame) -> PlanBefore:
    """Return the commands of a plan as those of the plan before; none of an empty one."""
    return PlanBefore({row[0]: CommandBefore((row[1], row[2], row[3])) for row in plan.iter_rows()})


def _compared(before: pl.DataFrame, plan: pl.DataFrame) -> Replanned:
    """Return how many slots two plans share, and how many of them have another command."""
    common = before.join(plan, on="slot_start", how="inner", suffix="_after")
    other = pl.any_horizontal((pl.col(name) - pl.col(f"{name}_after")).abs() > SAME_KW for name in POWERS)
    return Replanned(common=common.height, changed=common.filter(other).height)


def run(scope: Scope) -> list[Row]:
    """Plan the days of every pair with two batteries, once anew and once kept, on all cores."""
    homes = scope.homes
    pairs = scope.of(homes.pairs, homes.pairs[:1])
    jobs = [(battery, pair) for battery in scope.of((USUAL, LARGE), (USUAL,)) for pair in pairs]
    spans = scope.of(SHARES_OF_YEAR, SHARES_OF_YEAR[:1])
    found = dict(zip(jobs, map_shards(partial(_both_ways, homes, spans), jobs), strict=True))
    rows: list[Row] = []
    for battery in dict.fromkeys(battery for battery, _ in jobs):
        anew, kept = Replanned(), Replanned()
        for (own, _), (first, second) in found.items():
            if own == battery:
                anew.add(first)
                kept.add(second)
        rows += _rows(battery, anew, kept)
    return rows


def _both_ways(
    homes: BenchHomes, spans: tuple[float, ...], job: tuple[BenchBattery, Pair]
) -> tuple[Replanned, Replanned]:
    """Return the days of a pair planned anew, and kept."""
    battery, pair = job
    anew, kept = Replanned(), Replanned()
    for first in first_days(homes, battery, pair, spans):
        home = LiveHome(homes, battery, pair, first, DAYS_IN_A_ROW)
        anew.add(home.run(keeps=False))
        kept.add(home.run(keeps=True))
    return anew, kept


def first_days(
    homes: BenchHomes, battery: BenchBattery, pair: Pair, spans: tuple[float, ...], split: str = "test"
) -> list[date]:
    """Return first days of stretches in the weeks of a split, at some shares of the year."""
    site = battery.site()
    there = set(homes.window(pair, site)["local_day"].to_list())
    own = homes.days(pair[0], split, site.timezone)
    chosen = [
        day
        for day in own
        if all(day + timedelta(days=more) in own for more in range(DAYS_IN_A_ROW))
        and all(day + timedelta(days=more) in there for more in range(-DAYS_BEFORE, DAYS_IN_A_ROW + 1))
    ]
    return [chosen[int(share * len(chosen))] for share in spans]


def _rows(battery: BenchBattery, anew: Replanned, kept: Replanned) -> list[Row]:
    """Return the figures of a battery."""
    shares = [each.changed / each.common for each in (anew, kept)]
    ratio = shares[1] / shares[0] if shares[0] else 0.0
    extra = (kept.cost - anew.cost) / abs(anew.cost)
    suffix = battery.suffix
    return [
        Row(f"changed_share_anew{suffix}", shares[0]),
        Row(f"changed_share_kept{suffix}", shares[1]),
        Row(f"changed_ratio{suffix}", ratio, "", f"<= {MOST_SHARE}", ratio <= MOST_SHARE, applies="measured"),
        Row(f"cost_anew{suffix}", anew.cost, "money"),
        Row(f"extra_cost{suffix}", extra, "share", f"<= {MOST_COST}", extra <= MOST_COST, applies="measured"),
        Row(f"common_slots{suffix}", anew.common, "slots"),
    ]
