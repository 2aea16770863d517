"""Gain of planners that see a demand charge: Ellevio's rule of 2025 on whole months of two bench homes.

The mean of a month's three highest hours on different days at 81.25 SEK/kW, half of it from 22 to 06
(`docs/power_tariffs.md`), in the daily protocol, the calendar's days before each month known. Beside the month's bound
stands `known_day`: the policy `value` that knows load and PV of each day at its start, but not the month; and
`value_limited`: the same home with an inverter that takes an import limit. Months have
test and train weeks: figures of a choice are asked on other homes or on train weeks.

The `test` figures are of the test weeks alone, as before: their bill counts seven or so days of a month, and the days
before them are of other months, while planners believe in a month of days alike. `blind` planners do not see the charge
and are billed it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from benchmarks.harness.results import Row, Scope
from benchmarks.homes.bench_homes import BenchHomes, Pair, default_protocol, default_site
from env.power_tariff import PowerTariff, PowerWindow
from env.site import Site
from env.tariff import Tariff
from planner.demand_charges.bills import demand_charge_bills
from planner.demand_charges.peak_tracker import SIMILAR_DAYS
from planner.evaluation.daily_results import daily_results
from planner.replay.daily import replay_days
from planner.replay.monthly_oracle import months_oracle
from planner.value.protocol import Protocol
from planner.value.scenarios import Scenarios

AREA = "SE3"
NIGHT = PowerWindow(start_minute=22 * 60, end_minute=6 * 60, weight=0.5)
ELLEVIO = PowerTariff(top=3, price_per_kw=81.25, windows=(NIGHT,))
SIMPLE, PLANNERS, KNOWN = ("idle", "self_consumption"), ("mpc", "value"), "known_day"
LIMITED = "value_limited"
TOLERANCE = 1e-4  # SEK
SHORT_DAYS = 5
LEAST_DAYS = 28  # of a month that is there to its last day
TARGETS = {  # whole months, test weeks
    ("fontana_B02", "value"): (0.88, 0.82),
    ("trondheim_2020", "value"): (0.75, 0.71),
    ("fontana_B02", LIMITED): (0.90, 0.84),
    ("trondheim_2020", LIMITED): (0.79, 0.74),
}
MPC_BEHIND = 0.03


@dataclass(frozen=True)
class _Bill:
    """Cost of some days [SEK].

    Attributes:
        total: energy, wear, settlement and the months' demand charges.
        demand_charge: the months' demand charges alone.
    """

    total: float
    demand_charge: float


@dataclass(frozen=True)
class _Home:
    """A home whose tariff charges power."""

    homes: BenchHomes
    pair: Pair
    site: Site
    blind: Site
    protocol: Protocol

    @property
    def place(self) -> str:
        """Name of the pair in figures."""
        return "_".join(self.pair)

    @property
    def limited(self) -> Site:
        """The home with an inverter that takes an import limit."""
        return replace(self.site, limits=replace(self.site.limits, takes_import_limit=True))

    def targets(self, which: int) -> dict[str, float]:
        """Return the least captured share of policies: of whole months (0), of test weeks (1)."""
        return {policy: shares[which] for (name, policy), shares in TARGETS.items() if name == self.pair[0]}

    def bills(
        self, policy: str, slots: pl.DataFrame, site: Site, past: pl.DataFrame | Mapping[date, Scenarios] | None = None
    ) -> dict[date, _Bill]:
        """Replay a policy and return the bill of each month."""
        forecasts = self.homes.forecasts(self.pair[0], slots, site)
        history = self.homes.history(self.pair[0]) if past is None else past
        schedules = replay_days(policy, slots, forecasts, site, self.protocol, history=history)
        days = daily_results(schedules, self.protocol, self.site)
        energy = days.group_by(pl.col("day").dt.month_start().alias("month")).agg(pl.col("cost").sum())
        rows = demand_charge_bills(schedules, self.site).join(energy, on="month").sort("month")
        return {row["month"]: _Bill(row["cost"] + row["power_cost"], row["power_cost"]) for row in rows.to_dicts()}


def run(scope: Scope) -> list[Row]:
    """Replay whole months and the test weeks of two homes, with planners that see the charge and such that do not."""
    homes, blind = scope.homes, default_site()
    site = replace(blind, tariff=Tariff(tuple(replace(each, power=(ELLEVIO,)) for each in blind.tariff.versions)))
    rows: list[Row] = []
    for name in scope.of((homes.villa, homes.no_pv), (homes.villa,)):
        home = _Home(homes, (name, AREA), site, blind, default_protocol(blind))
        rows += _whole_months(home, n_months=scope.of(None, 1))
        rows += _test_weeks(home, n_days=scope.of(None, SHORT_DAYS))
    return rows


def _whole_months(home: _Home, *, n_months: int | None) -> list[Row]:
    """Return the figures of the months that are there from their first day to their last."""
    slots = home.homes.window(home.pair, home.site)
    days = slots.select("local_day").unique().sort("local_day").with_columns(month=pl.col("local_day").dt.month_start())
    whole = days.group_by("month").len().filter(pl.col("len") >= LEAST_DAYS)["month"].sort()
    months = [month for month in whole.to_list() if _is_whole(days, month)][:n_months]
    ends = pl.lit(months[-1]).dt.month_end()
    known = slots.filter(
        (pl.col("local_day") >= pl.lit(months[0]) - pl.duration(days=SIMILAR_DAYS)) & (pl.col("local_day") <= ends)
    )
    own = known.filter(pl.col("local_day") >= months[0])
    bounds = months_oracle(own, home.site, home.protocol).bounds
    policies = (*SIMPLE, *PLANNERS)
    bills = {policy: home.bills(policy, known, home.blind if policy in SIMPLE else home.site) for policy in policies}
    bills[LIMITED] = home.bills("value", known, home.limited)
    bills[KNOWN] = home.bills("value", known, home.site, _known_days(known))
    within = {name: [bill for month, bill in of.items() if month in months] for name, of in bills.items()}
    targets = home.targets(0) if n_months is None else {}
    return [
        Row(f"months_{home.place}", len(months), "months"),
        *_figures(within, float(bounds["bound"].sum()), f"months_{home.place}", targets),
    ]


def _is_whole(days: pl.DataFrame, month: date) -> bool:
    own = days.filter(pl.col("month") == month)["local_day"]
    first, last = own[0], pl.select(pl.lit(month).dt.month_end()).item()
    return first == month and own[-1] == last


def _known_days(slots: pl.DataFrame) -> dict[date, Scenarios]:
    """Return of each day what will happen, as its only scenario."""
    parts = slots.partition_by("local_day", maintain_order=True)
    tables = [[part[name].cast(pl.Float64).to_numpy()[None, None] for name in ("load_kwh", "pv_kwh")] for part in parts]
    return {part["local_day"][0]: Scenarios(*table) for part, table in zip(parts, tables, strict=True)}


def _test_weeks(home: _Home, *, n_days: int | None) -> list[Row]:
    """Return the figures of the test weeks alone."""
    slots = home.homes.window(home.pair, home.site, split="test", n_days=n_days)
    bills = {policy: list(home.bills(policy, slots, home.blind).values()) for policy in SIMPLE}
    for policy in PLANNERS:
        bills[f"{policy}_blind"] = list(home.bills(policy, slots, home.blind).values())
        bills[policy] = list(home.bills(policy, slots, home.site).values())
    bills[LIMITED] = list(home.bills("value", slots, home.limited).values())
    bound = float(months_oracle(slots, home.site, home.protocol).bounds["bound"].sum())
    targets = home.targets(1) if n_days is None else {}
    rows = [Row(f"test_days_{home.place}", slots["local_day"].n_unique(), "days")]
    rows += _figures(bills, bound, f"test_{home.place}", targets)
    for policy in PLANNERS:
        saved = sum(bill.total for bill in bills[f"{policy}_blind"]) - sum(bill.total for bill in bills[policy])
        figure = f"{policy}_less_than_blind_{home.place}"
        rows.append(Row(figure, saved, "SEK", target="> 0", met=saved > 0, applies="measured"))
    return rows


def _figures(bills: Mapping[str, list[_Bill]], bound: float, place: str, targets: Mapping[str, float]) -> list[Row]:
    """Return total, charge and captured share of each policy."""
    total = {name: sum(bill.total for bill in of) for name, of in bills.items()}
    captured = {name: (total["idle"] - paid) / (total["idle"] - bound) for name, paid in total.items()}
    rows = [Row(f"bound_{place}", bound, "SEK")]
    for name, of in bills.items():
        rows.append(Row(f"total_{name}_{place}", total[name], "SEK"))
        rows.append(Row(f"power_{name}_{place}", sum(bill.demand_charge for bill in of), "SEK"))
        target = targets.get(name)
        if target is None:
            rows.append(Row(f"captured_{name}_{place}", captured[name]))
            continue
        met = captured[name] >= target
        rows.append(Row(f"captured_{name}_{place}", captured[name], target=f">= {target}", met=met, applies="measured"))
    behind = captured["value"] - captured["mpc"]
    within = behind <= MPC_BEHIND
    rows.append(Row(f"mpc_behind_value_{place}", behind, target=f"<= {MPC_BEHIND}", met=within, applies="measured"))
    below = sum(paid < bound - TOLERANCE for paid in total.values())
    return [*rows, Row(f"below_bound_{place}", below, target="0", met=below == 0)]
