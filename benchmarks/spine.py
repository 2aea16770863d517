"""The whole pipeline by command: import, backfill through Dagster, evaluation. Bound, breaches, captured share, time.

Every pair of home and price area, each from an empty folder through the `darkstar` command. The timed pair's figures
are of one run: importing, backfilling 325 days of all policies and the evaluation report, process starts included. The
short form has one pair and four weeks.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import polars as pl

from benchmarks.harness.results import Row, Scope
from benchmarks.homes.bench_homes import FIRST_DAY, LAST_DAY
from benchmarks.homes.fresh_home import Finished, fresh_home, import_everything
from benchmarks.homes.without_dagster import seconds_without_dagster

POLICIES = ("idle", "self_consumption", "mpc", "oracle")
TIMED_AREA = "SE4"
SHORT_DAYS = 28
LEAST_SHARE, MOST_SECONDS, MOST_GIB, TOLERANCE = 0.965, 90.0, 2.0, 1e-6


def run(scope: Scope) -> list[Row]:
    """Run the pipeline once for every pair."""
    rows: list[Row] = []
    worst: list[float] = []
    breaches = 0
    timed = (scope.homes.villa, TIMED_AREA)
    last = scope.of(LAST_DAY, FIRST_DAY + timedelta(days=SHORT_DAYS - 1))
    span = ("--from", str(FIRST_DAY), "--to", str(last))
    for pair in scope.of(scope.homes.pairs, (timed,)):
        with fresh_home(scope.homes, pair) as fresh:
            steps = [*import_everything(fresh, pair[1]), fresh.run("backfill", *span)]
            verdict = fresh.run("evaluate", *span, "--policies", ",".join(POLICIES))
            if pair == timed:
                rows += _time_rows([*steps, verdict], seconds_without_dagster(fresh, FIRST_DAY, last))
        days = pl.DataFrame(verdict.answer["days"], infer_schema_length=None)
        worst.append(_worst_excess(days))
        breaches += int(days["breaches"].sum())
        rows += _share_rows(*pair, verdict.answer["totals"])
    excess = max(worst)
    return [
        Row("oracle_worst_excess", excess, "money", target=f"<= {TOLERANCE}", met=excess <= TOLERANCE),
        Row("breaches", breaches, "slots", target="0", met=breaches == 0),
        *rows,
    ]


def _worst_excess(days: pl.DataFrame) -> float:
    """Return the largest excess of the oracle over a policy on a day; it is a bound where that is at most 0 [money]."""
    oracle = days.filter(pl.col("policy") == "oracle").select("day", bound="cost")
    others = days.filter(pl.col("policy") != "oracle").join(oracle, on="day")
    return float(others.select((pl.col("bound") - pl.col("cost")).max()).item())


def _share_rows(home: str, area: str, totals: Iterable[dict[str, Any]]) -> list[Row]:
    mpc = next(total for total in totals if total["policy"] == "mpc")
    share = float(mpc["captured_share"])
    name = f"mpc_captured_share_{home}_{area}"
    return [Row(name, share, "", target=f">= {LEAST_SHARE}", met=share >= LEAST_SHARE, applies="measured")]


def _time_rows(steps: list[Finished], plain_seconds: float) -> list[Row]:
    """Return wall time and memory of the pipeline, and the share of the backfill that is not the work itself."""
    seconds = sum(step.seconds for step in steps)
    gib = max(step.peak_bytes for step in steps) / 2**30
    backfill = steps[2].seconds
    return [
        Row("year_seconds", seconds, "s", f"<= {MOST_SECONDS:.0f}", seconds <= MOST_SECONDS, applies="whole"),
        Row("year_peak_memory", gib, "GiB", f"<= {MOST_GIB:.0f}", gib <= MOST_GIB, applies="whole"),
        Row("import_seconds", steps[0].seconds + steps[1].seconds, "s"),
        Row("backfill_seconds", backfill, "s"),
        Row("same_work_without_dagster_seconds", plain_seconds, "s"),
        Row("dagster_share_of_backfill", 1 - plain_seconds / backfill, ""),
        Row("evaluate_seconds", steps[3].seconds, "s"),
    ]
