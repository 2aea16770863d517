"""The plans of a bucket as one object of the fleet's lake: a row a home, replaced whole or not at all.

A row holds what is asked for often (the commands, the costs) beside the whole plan as compressed JSON, which is made
here once and never again for each request. A home that cannot be planned keeps its last plan, with the reason.
"""

import json
import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import polars as pl

from darkstar_pipeline.planning.fleet.home_classes import HomeClass
from darkstar_pipeline.planning.fleet.many_plans import FleetPlans, PlannedHomes
from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake
from darkstar_pipeline.warehouse.checksums import parquet_bytes
from darkstar_pipeline.warehouse.day_files import UNREADABLE, decoded
from darkstar_pipeline.warehouse.lake import LakeUnreadableError
from env.time_grid import SLOT, SLOT_DTYPE, SLOT_MINUTES
from planner.plans.release import PLAN, SELF_CONSUMPTION

PLANS_PREFIX = "plans"
PLAN_ROWS = pl.Schema(
    {
        "site": pl.String(),
        "created_at": SLOT_DTYPE,
        "valid_from": SLOT_DTYPE,
        "valid_until": SLOT_DTYPE,
        "released": pl.String(),
        "source": pl.String(),
        "model": pl.String(),
        "obstacle": pl.String(),
        "obstacle_details": pl.String(),
        "verified": pl.Boolean(),
        "violation": pl.String(),
        "cost": pl.Float64(),
        "idle_cost": pl.Float64(),
        "self_consumption_cost": pl.Float64(),
        "soc_source": pl.String(),
        "problem": pl.String(),
        "details": pl.String(),
        "charge_kw": pl.List(pl.Float64()),
        "discharge_kw": pl.List(pl.Float64()),
        "export_kw": pl.List(pl.Float64()),
        "soc_start_percent": pl.List(pl.Float64()),
        "plan": pl.Binary(),
        "judged_days": pl.UInt32(),
        "paid": pl.Float64(),
        "idle_paid": pl.Float64(),
        "oracle_paid": pl.Float64(),
    }
)
"""Columns of an object of plans; `problem` says why there is no newer plan, and is empty where it is of this round.

`source` is the policy that planned, or the schedule that is released instead; `model` the version in use, empty for
none; `obstacle` why not that planned (`darkstar_pipeline.policies.champions.OBSTACLES`), empty where it did.

The last four are what the policy paid on the last days that were judged, beside idle and hindsight."""
_JUDGED = ("judged_days", "paid", "idle_paid", "oracle_paid")
_OF_A_PLAN = [name for name in PLAN_ROWS if name not in _JUDGED]
_MONEY, _ENERGY = 5, 4  # decimals: a hundredth of a watt-hour, a thousandth of an öre
_ENERGIES = (
    "load_kwh", "pv_kwh", "import_kwh", "export_kwh", "charge_kwh", "discharge_kwh", "curtailed_kwh",
)  # fmt: skip
_POWERS = ("charge_kw", "discharge_kw", "export_kw")
_STAMP = "%Y-%m-%dT%H:%M:%SZ"


def plans_key(bucket: int) -> str:
    """Return the key of a bucket's plans.

    >>> plans_key(7)
    'plans/bucket=0007/plans.parquet'
    """
    return f"{PLANS_PREFIX}/bucket={bucket:04d}/plans.parquet"


def encoded_plans(rows: pl.DataFrame) -> bytes:
    """Return an object's bytes."""
    return parquet_bytes(rows, compression="lz4")  # the plans inside are compressed already


def decoded_plans(data: bytes | None, name: str = PLANS_PREFIX) -> pl.DataFrame:
    """Return the rows of an object; none where there is none.

    Args:
        data: its bytes.
        name: the object, for an error.

    Raises:
        LakeUnreadableError: it is damaged.
    """
    if data is None:
        return pl.DataFrame(schema=PLAN_ROWS)
    try:
        return _conformed(decoded([data]))
    except UNREADABLE as error:
        message = f"{name} is damaged: {' '.join(str(error).split())}"
        raise LakeUnreadableError(message, "the next round of planning writes it anew", table=PLANS_PREFIX) from error


def stored_plans(lake: BucketLake | None) -> pl.DataFrame:
    """Return the last plans of all homes without their documents, by bucket and home; none without a lake.

    Raises:
        LakeUnreadableError: an object is damaged.
        OutsideServiceError: the store failed.
    """
    if lake is None:
        return decoded_plans(None).drop("plan")

    def read(bucket: int) -> pl.DataFrame:
        stored = lake.store.get(plans_key(bucket))
        return decoded_plans(None if stored is None else stored.data, lake.name(plans_key(bucket))).drop("plan")

    return pl.concat(lake.store.at_once(read, range(lake.buckets)))


def _conformed(rows: pl.DataFrame) -> pl.DataFrame:
    later = [pl.lit(None, dtype).alias(name) for name, dtype in PLAN_ROWS.items() if name not in rows.columns]
    return rows.with_columns(later).select(PLAN_ROWS.names()).cast(dict(PLAN_ROWS))  # pyright: ignore[reportArgumentType]


def expected_percent(before: pl.DataFrame, start: datetime) -> dict[str, float]:
    """Return the state of charge that earlier plans expect at a slot's start, by home [%]."""
    ahead = pl.lit(start).cast(SLOT_DTYPE) - pl.col("valid_from")
    place = ahead.dt.total_minutes() // SLOT_MINUTES
    known = before.filter(pl.col("verified") & (pl.col("valid_from") <= start) & (pl.col("valid_until") > start))
    found = known.select("site", percent=pl.col("soc_start_percent").list.get(place, null_on_oob=True)).drop_nulls()
    return dict(found.iter_rows())


def plan_rows(made: FleetPlans, before: pl.DataFrame, at: datetime, judged: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of new objects, homes that have left the fleet without any.

    Args:
        made: the plans of this round.
        before: the rows that it replaces; homes that could not be planned keep theirs.
        at: moment of the plans.
        judged: `site, judged_days, paid, idle_paid, oracle_paid` of homes with results.
    """
    fresh = [_fresh_rows(each, at) for each in made.planned]
    kept = before.filter(pl.col("site").is_in(list(made.problems)))
    reasons = pl.DataFrame(
        [(site, *why) for site, why in made.problems.items()],
        schema={"site": pl.String, "problem": pl.String, "details": pl.String},
        orient="row",
    )
    old = reasons.join(kept.drop("problem", "details"), on="site", how="left")
    rows = pl.concat([each.select(_OF_A_PLAN) for each in (pl.DataFrame(schema=PLAN_ROWS), *fresh, old)])
    return rows.join(judged, on="site", how="left").select(PLAN_ROWS.names()).sort("site")


def _fresh_rows(planned: PlannedHomes, at: datetime) -> pl.DataFrame:
    names = pl.Series("site", list(planned.names))
    capacity = pl.Series([own.site.battery.capacity_kwh for own in planned.classes])
    schedule = planned.plans.schedule.with_columns(
        site=names.gather(planned.plans.schedule["home"]),
        percent=100 / capacity.gather(planned.plans.schedule["home"]),
    )
    slots = _slot_columns(schedule)
    by_home = slots.group_by("site", maintain_order=True).agg(
        valid_from=pl.col("start").first(),
        valid_until=pl.col("start").last() + SLOT,
        **{name: pl.col(name) for name in (*_POWERS, "soc_start_percent")},
        slots=pl.struct(_JSON).struct.json_encode().str.join(","),
    )
    homes = planned.plans.homes.with_columns(
        site=names.gather(planned.plans.homes["home"]),
        created_at=pl.lit(at).cast(SLOT_DTYPE),
        soc_source=pl.Series(list(planned.soc_sources)),
        end_basis=pl.Series(list(planned.ends)),
        source=pl.Series([each.source for each in planned.origins]),
        model=pl.Series([each.model for each in planned.origins]),
        obstacle=pl.Series([each.obstacle or "" for each in planned.origins]),
        obstacle_details=pl.Series([each.details for each in planned.origins]),
        problem=pl.lit(""),
        details=pl.lit(""),
    )
    rows = homes.join(by_home, on="site", maintain_order="left").with_columns(
        source=pl.when(pl.col("released") == PLAN).then("source").otherwise(pl.lit(SELF_CONSUMPTION))
    )
    documents = [
        zlib.compress(_document(row, own), 1)
        for row, own in zip(rows.iter_rows(named=True), planned.classes, strict=True)
    ]
    return rows.with_columns(plan=pl.Series(documents, dtype=pl.Binary)).select(_OF_A_PLAN)


_JSON = (
    "slot_start", "slot_end", "import_price", "export_price", "load_kwh", "pv_kwh", *_POWERS, "import_kwh",
    "export_kwh", "charge_kwh", "discharge_kwh", "curtailed_kwh", "soc_start_percent", "soc_end_percent", "cost",
    "reason",
)  # fmt: skip


def _slot_columns(schedule: pl.DataFrame) -> pl.DataFrame:
    """Return the slots as a plan shows them."""
    start = pl.col("slot_start")
    return schedule.with_columns(
        start=start,
        slot_start=start.dt.strftime(_STAMP),
        slot_end=(start + SLOT).dt.strftime(_STAMP),
        soc_start_percent=(pl.col("soc_start_kwh") * pl.col("percent")).round(2),
        soc_end_percent=(pl.col("soc_end_kwh") * pl.col("percent")).round(2),
        **{name: pl.col(name).round(_ENERGY) for name in (*_ENERGIES, *_POWERS)},
        **{name: pl.col(name).round(_MONEY) for name in ("import_price", "export_price", "cost")},
    )


def _document(row: Mapping[str, Any], own: HomeClass) -> bytes:
    """Return a plan as JSON; what holds only at the moment of an answer is added there."""
    battery = own.site.battery
    head = {
        "site": row["site"],
        "timezone": own.site.timezone,
        "currency": own.site.currency,
        "capacity_kwh": battery.capacity_kwh,
        "max_charge_kw": battery.charge_kw,
        "max_discharge_kw": battery.discharge_kw,
        "created_at": f"{row['created_at']:{_STAMP}}",
        "valid_from": f"{row['valid_from']:{_STAMP}}",
        "valid_until": f"{row['valid_until']:{_STAMP}}",
        "released": row["released"],
        **{name: row[name] for name in ("source", "model", "obstacle", "obstacle_details")},
        "verified": row["verified"],
        "violations": [row["violation"]] if row["violation"] else [],
        "soc_source": row["soc_source"],
        "end_basis": row["end_basis"],
        **{name: round(row[name], _MONEY) for name in ("cost", "idle_cost", "self_consumption_cost")},
    }
    return b'%b,"slots":[%b]}' % (json.dumps(head).removesuffix("}").encode(), row["slots"].encode())
