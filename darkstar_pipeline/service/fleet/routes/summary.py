"""Route of the fleet as a whole."""

import polars as pl
from fastapi import APIRouter

from darkstar_pipeline.evaluation.fleet_verdict import captured
from darkstar_pipeline.service.fleet.dependencies import ReaderDep, StateDep
from darkstar_pipeline.service.fleet.directory import NO_PLAN, PAID, PLANNED, STALE, counts
from darkstar_pipeline.service.fleet.documents import AreaSummary, FleetSummary, WorstHome
from darkstar_pipeline.service.http.errors import answers

router = APIRouter(tags=["fleet"])
WORST = 10
_PAID_SUMS = {name: pl.col(column).sum() for name, column in PAID.items()}


@router.get("/fleet/summary", responses=answers(), summary="The fleet at a glance")
def summary(service: StateDep, reader: ReaderDep) -> FleetSummary:
    """Return how many homes are planned, what their plans save, which save least, and why homes have no plan."""
    now = service.clock.now()
    rows = service.directory.overview(reader.tenant, now)
    covered = rows.filter(pl.col("state") != NO_PLAN)
    states = {state: int((rows["state"] == state).sum()) for state in (PLANNED, STALE, NO_PLAN)}
    least = covered.sort("saving", "site").group_by("currency", maintain_order=True).head(WORST)
    worst = least.select("site", "tenant", "currency", "saving").sort("currency", "saving", "site")
    savings = covered.group_by("currency").agg(pl.col("saving").sum()).sort("currency")
    areas = (
        rows.with_columns(covers=pl.col("state") != NO_PLAN)
        .group_by("area", "currency")
        .agg(
            homes=pl.len(),
            planned=(pl.col("state") == PLANNED).sum(),
            saving=pl.col("saving").filter(pl.col("covers")).sum(),
            **_PAID_SUMS,
        )
        .with_columns(captured("days"))
        .drop(_PAID_SUMS)
        .sort("area", "currency")
    )
    shares = rows.group_by("currency").agg(**_PAID_SUMS).with_columns(captured("days")).drop_nulls("captured_share")
    return FleetSummary(
        at=now,
        homes=rows.height,
        **states,
        problems=counts(rows["problem"]),
        sources=counts(covered["source"]),
        obstacles=counts(covered["obstacle"]),
        oldest_plan_at=covered["created_at"].min(),  # pyright: ignore[reportArgumentType]
        newest_plan_at=covered["created_at"].max(),  # pyright: ignore[reportArgumentType]
        savings=dict(savings.iter_rows()),
        captured_shares=dict(shares.select("currency", "captured_share").sort("currency").iter_rows()),
        worst=[WorstHome(**row) for row in worst.iter_rows(named=True)],
        areas=[AreaSummary(**row) for row in areas.iter_rows(named=True)],
    )
