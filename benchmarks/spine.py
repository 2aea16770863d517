"""The whole road on measured homes: import, backfill through Dagster, verdict. Bound, breaches, captured share, time.

Six pairs of home and price area, each from an empty folder through the `darkstar` command. The timed pair's figures are
of one run: importing, backfilling 325 days of all policies and the evaluation report, process starts included.
"""

from collections.abc import Iterable
from typing import Any

import polars as pl

from benchmarks.harness.results import Row
from benchmarks.homes.bench_homes import FIRST_DAY, LAST_DAY, PAIRS
from benchmarks.homes.fresh_home import Finished, fresh_home, import_everything
from benchmarks.homes.without_dagster import seconds_without_dagster

POLICIES = ("idle", "self_consumption", "mpc", "oracle")
TIMED = ("fontana_B02", "SE4")
LEAST_SHARE, MOST_SECONDS, MOST_GIB, TOLERANCE = 0.965, 90.0, 2.0, 1e-6
RANGE = ("--from", str(FIRST_DAY), "--to", str(LAST_DAY))


def run() -> list[Row]:
    """Every pair once."""
    rows: list[Row] = []
    worst: list[float] = []
    breaches = 0
    for home, area in PAIRS:
        with fresh_home(home, area) as fresh:
            steps = [*import_everything(fresh, area), fresh.run("backfill", *RANGE)]
            verdict = fresh.run("evaluate", *RANGE, "--policies", ",".join(POLICIES))
            if (home, area) == TIMED:
                rows += _time_rows([*steps, verdict], seconds_without_dagster(fresh))
        days = pl.DataFrame(verdict.answer["days"], infer_schema_length=None)
        worst.append(_worst_excess(days))
        breaches += int(days["breaches"].sum())
        rows += _share_rows(home, area, verdict.answer["totals"])
    excess = max(worst)
    return [
        Row("oracle_worst_excess", excess, "money", target=f"<= {TOLERANCE}", met=excess <= TOLERANCE),
        Row("breaches", breaches, "slots", target="0", met=breaches == 0),
        *rows,
    ]


def _worst_excess(days: pl.DataFrame) -> float:
    """How far the oracle was above a policy on the worst day; negative or nil is a bound [money]."""
    oracle = days.filter(pl.col("policy") == "oracle").select("day", bound="cost")
    others = days.filter(pl.col("policy") != "oracle").join(oracle, on="day")
    return float(others.select((pl.col("bound") - pl.col("cost")).max()).item())


def _share_rows(home: str, area: str, totals: Iterable[dict[str, Any]]) -> list[Row]:
    mpc = next(total for total in totals if total["policy"] == "mpc")
    share = float(mpc["captured_share"])
    name = f"mpc_captured_share_{home}_{area}"
    return [Row(name, share, "", target=f">= {LEAST_SHARE}", met=share >= LEAST_SHARE)]


def _time_rows(steps: list[Finished], plain_seconds: float) -> list[Row]:
    """Wall time and memory of the whole road, and what share of the backfill is not the work itself."""
    seconds = sum(step.seconds for step in steps)
    gib = max(step.peak_bytes for step in steps) / 2**30
    backfill = steps[2].seconds
    return [
        Row("year_seconds", seconds, "s", target=f"<= {MOST_SECONDS:.0f}", met=seconds <= MOST_SECONDS),
        Row("year_peak_memory", gib, "GiB", target=f"<= {MOST_GIB:.0f}", met=gib <= MOST_GIB),
        Row("import_seconds", steps[0].seconds + steps[1].seconds, "s"),
        Row("backfill_seconds", backfill, "s"),
        Row("same_work_without_dagster_seconds", plain_seconds, "s"),
        Row("dagster_share_of_backfill", 1 - plain_seconds / backfill, ""),
        Row("evaluate_seconds", steps[3].seconds, "s"),
    ]
