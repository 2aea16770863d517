"""A day of a group of buckets as the page shows it: counts, shares, what was left out and why, worst homes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
import polars as pl

from assets.description import markdown_table
from assets.fleet.graph.partitions import Partition, group_of
from assets.fleet.outcomes import WORST_SHOWN, BucketOutcome
from assets.fleet.shards import LeftOut, ShardReport
from planner.evaluation.verdict import LEAST_POSSIBLE, captured_share
from planner.replay.usable_slots import USABLE

SHOWN_POLICIES = ("champion", "value", "mpc", "self_consumption")
"""The first of them that a fleet replays is the one whose worst homes are named."""
HOMES, SECONDS = "homes", "processor seconds"
"""Read from past runs by a plan of a backfill."""
_REASONS = 8


@dataclass(frozen=True)
class DayTotals:
    """Results of days of groups of buckets.

    Attributes:
        outcomes: of all buckets.
        buckets: number of buckets of the fleet.
        costs: those of the outcomes, with the group of each bucket; `grades` and `worst` likewise.
    """

    outcomes: Sequence[BucketOutcome]
    buckets: int
    costs: pl.DataFrame
    grades: pl.DataFrame
    worst: pl.DataFrame

    @property
    def failures(self) -> dict[int, str]:
        """Why a bucket failed, by bucket."""
        return {outcome.bucket: outcome.failure for outcome in self.outcomes if outcome.failure}

    @property
    def left_out(self) -> list[LeftOut]:
        """Homes that were left out, once for each range of days."""
        reports = [outcome.report for outcome in self.outcomes if outcome.report is not None]
        return [each for report in reports for each in report.left_out]

    @property
    def usable_share(self) -> float | None:
        """Share of the days of homes that are usable; None where there are no homes."""
        left_out = sum((each.last - each.first).days + 1 for each in self.left_out)
        every = int(self.grades["homes"].sum()) + left_out
        usable = int(self.grades.filter(pl.col("status").is_in(USABLE))["homes"].sum())
        return usable / every if every else None

    def failed(self, partition: Partition) -> bool:
        """Return whether a bucket of a partition failed on its day."""
        return any(outcome.failure for outcome in self._own(partition))

    def described(self, partition: Partition) -> dict[str, Any]:
        """Return the metadata of a partition."""
        own, here = self._own(partition), (pl.col("group") == partition.group) & (pl.col("day") == partition.day)
        costs, grades = self.costs.filter(here), self.grades.filter(here)
        reports = [outcome.report for outcome in own if outcome.report is not None]
        refused = grades.filter(~pl.col("status").is_in(USABLE)).select("reasons", "homes")
        reasons = counted_reasons(
            [*refused.iter_rows(), *((left.reason, 1) for each in reports for left in each.left_out)]
        )
        passed = counted_reasons((each.reason, 1) for report in reports for each in report.passed_over)
        return {
            "dagster/partition_row_count": int(costs["homes"].sum()),
            HOMES: int(grades["homes"].sum()),
            SECONDS: round(sum(_seconds_a_day(report) for report in reports), 3),
            "homes left out": int(reasons["homes"].sum()),
            "slots beyond a limit": int(costs["breaches"].sum()),
            **({"homes left out, and why": markdown_table(reasons.head(_REASONS))} if reasons.height else {}),
            **({"champions not replayed, and why": markdown_table(passed.head(_REASONS))} if passed.height else {}),
            **_shares(costs),
            **_worst_homes(self.worst.filter(here)),
        }

    def _own(self, partition: Partition) -> list[BucketOutcome]:
        return [
            outcome
            for outcome in self.outcomes
            if group_of(outcome.bucket, self.buckets) == partition.group
            and outcome.first <= partition.day <= outcome.last
        ]


def day_totals(outcomes: Sequence[BucketOutcome], buckets: int) -> DayTotals:
    """Return the totals of outcomes, of which there is at least one.

    Args:
        outcomes: of the buckets of a run.
        buckets: number of buckets of the fleet.
    """

    def joined(name: str) -> pl.DataFrame:
        frames: list[pl.DataFrame] = [
            getattr(outcome, name).with_columns(group=pl.lit(group_of(outcome.bucket, buckets))) for outcome in outcomes
        ]
        return pl.concat(frames)

    return DayTotals(outcomes, buckets, joined("costs"), joined("grades"), joined("worst"))


def _seconds_a_day(report: ShardReport) -> float:
    """Return the processor time of a shard, of each of its days."""
    return sum(report.seconds.values()) / ((report.last - report.first).days + 1)


def counted_reasons(reasons: Iterable[tuple[str, int]]) -> pl.DataFrame:
    """Return how many homes were left out for each reason, most first."""
    rows = pl.DataFrame(list(reasons), {"reason": pl.String, "homes": pl.UInt32}, orient="row")
    return rows.group_by("reason").agg(pl.col("homes").sum()).sort("homes", "reason", descending=[True, False])


def _shares(costs: pl.DataFrame) -> Mapping[str, float]:
    """Return the captured share of each policy, of each currency where there are several."""
    sums = costs.group_by("currency", "policy", maintain_order=True).agg(
        pl.col("cost", "idle_cost", "oracle_cost").sum()
    )
    several = sums["currency"].n_unique() > 1
    shares: dict[str, float] = {}
    for currency, policy, *money in sums.iter_rows():
        own, idle, oracle = (pl.Series([amount]).to_numpy() for amount in money)
        share = captured_share({"idle": idle, "oracle": oracle, policy: own}, policy)
        if share is not None and policy != "idle":
            shares[f"captured share, {policy}" + (f", {currency}" if several else "")] = share
    return shares


def _worst_homes(worst: pl.DataFrame) -> Mapping[str, dg.MarkdownMetadataValue]:
    """Return the homes that missed most of what hindsight would have saved, under the policy that is shown."""
    policy = next((each for each in SHOWN_POLICIES if each in worst["policy"]), None)
    if policy is None:
        return {}
    own = worst.filter(pl.col("policy") == policy).sort("currency", "missed", "site", descending=[False, True, False])
    ranked = own.group_by("currency", maintain_order=True).head(WORST_SHOWN)
    shown = ranked.select(
        "site",
        "missed",
        "currency",
        captured_share=pl.when(pl.col("possible") > LEAST_POSSIBLE).then(1 - pl.col("missed") / pl.col("possible")),
    )
    return {f"worst homes, {policy}": markdown_table(shown)}
