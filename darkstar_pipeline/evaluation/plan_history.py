"""The history of plans, of the live service and of shadows: written as they are made, read back as commands in force.

A slot's command is that of the latest plan made before the slot began, or within its first minute: the service plans as
a slot begins, on what was read by then. Later plans of a slot never count for it.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from darkstar_pipeline.models.run_tables import add_row, json_text
from darkstar_pipeline.models.version import registered_name
from darkstar_pipeline.warehouse.schemas import ANTARES_PLAN_HISTORY
from darkstar_pipeline.warehouse.tables import Tables
from env.inverter import IMPORT_LIMIT
from env.site import Site
from env.time_grid import SLOT_DTYPE, zone

SHADOW = "--shadow-"
GRACE = timedelta(minutes=1)
COLUMNS = ("charge_kw", "discharge_kw", "export_kw", "import_kwh", "export_kwh", "load_kwh", "pv_kwh", "soc_end_kwh")
COMMAND = COLUMNS[:3]
"""Column of plans that command an import limit, null for none; in what is read back, always there."""
_DIGITS = 4


def system_id(site: str, policy: str | None = None) -> str:
    """Return the name that plans are filed under: the live ones of a site, or those of a shadow policy.

    >>> system_id("home"), system_id("home", "value")
    ('antares-home', 'antares-home--shadow-value')
    """
    if policy is None:
        return registered_name(site)
    slug = re.sub(r"[^a-z0-9]+", "-", policy.lower()).strip("-")[:60]
    if slug != policy:  # two policies must not share a name only because it was made plain
        slug = f"{slug}-{hashlib.sha256(policy.encode()).hexdigest()[:6]}"
    return f"{registered_name(site)}{SHADOW}{slug}"


@dataclass(frozen=True, kw_only=True)
class PlanRecord:
    """A plan of the history, as a row of `antares_plan_history`.

    Attributes:
        system: system that the plan belongs to, as `system_id` names it.
        plan_id: identifier of the plan.
        created_at: instant of planning.
        episode_start: instant when the system's stored energy was last the home's own.
        schedule: `slot_start`, `COLUMNS` and, where limits are commanded, `IMPORT_LIMIT`; null where unknown.
        metrics: figures; `policy` and `start_soc_kwh` are read back.
    """

    system: str
    plan_id: str
    created_at: datetime
    episode_start: datetime
    schedule: pl.DataFrame
    metrics: Mapping[str, Any]


def keep_plan(lake: Tables, site: Site, plan: PlanRecord) -> None:
    """Add a plan of a site to the history.

    Args:
        lake: the tables.
        site: the home.
        plan: the plan.

    Raises:
        OSError: the disk does not take it.
    """
    local, schedule = zone(site.timezone), plan.schedule
    columns: dict[str, list[Any]] = {
        "slot_start": [int(start.timestamp()) for start in schedule["slot_start"]],
        **{
            name: schedule[name].cast(pl.Float64).round(_DIGITS).to_list()
            for name in (*COLUMNS, IMPORT_LIMIT)
            if name in schedule.columns
        },
    }
    row = {
        "site": site.name,
        "id": plan.plan_id,
        "system_id": plan.system,
        "plan_date": schedule["slot_start"][0].astimezone(local).date(),
        "episode_start_local": plan.episode_start.astimezone(local).isoformat(),
        "policy_run_id": str(plan.metrics.get("run_id") or plan.metrics.get("policy", "")),
        "created_at": plan.created_at,
        "shadow_schedule": json.dumps(columns, separators=(",", ":")),
        "metrics": json_text(plan.metrics),
    }
    add_row(lake, ANTARES_PLAN_HISTORY, row)


def plans_between(lake: Tables, site_name: str, first: date, last: date) -> pl.DataFrame:
    """Return the history of local days of a site, both included."""
    return lake.read(ANTARES_PLAN_HISTORY, site_name, first, last)


def in_force(plans: pl.DataFrame, slot_start: Sequence[datetime]) -> pl.DataFrame:
    """Return the commands in force in each slot.

    Args:
        plans: rows of the history of one system.
        slot_start: the slots (UTC).

    Returns:
        `slot_start, created_at, metrics`, `COLUMNS` and `IMPORT_LIMIT` of the slots that a plan reached, in order.
    """
    wanted = set(slot_start)
    parts = [_slots(row, wanted) for row in plans.sort("created_at", "id").iter_rows(named=True)]
    covered = [part for part in parts if part.height]
    if not covered:
        return _empty()
    in_time = pl.concat(covered).filter(pl.col("created_at") <= pl.col("slot_start") + GRACE)
    return in_time.unique("slot_start", keep="last", maintain_order=True).sort("slot_start")


def _slots(row: Mapping[str, Any], wanted: set[datetime]) -> pl.DataFrame:
    """The slots of one plan."""
    columns = json.loads(row["shadow_schedule"])
    columns.setdefault(IMPORT_LIMIT, [None] * len(columns["slot_start"]))
    starts = [datetime.fromtimestamp(second, UTC) for second in columns.pop("slot_start")]
    frame = pl.DataFrame({"slot_start": starts, **columns}, schema_overrides=dict.fromkeys(columns, pl.Float64))
    return (
        frame.with_columns(
            pl.col("slot_start").cast(SLOT_DTYPE),
            created_at=pl.lit(row["created_at"]).cast(SLOT_DTYPE),
            metrics=pl.lit(row["metrics"]),
        )
        .filter(pl.col("slot_start").is_in(list(wanted)))
        .select("slot_start", "created_at", "metrics", *COLUMNS, IMPORT_LIMIT)
    )


def _empty() -> pl.DataFrame:
    schema = {"slot_start": SLOT_DTYPE, "created_at": SLOT_DTYPE, "metrics": pl.String()}
    return pl.DataFrame(schema={**schema, **dict.fromkeys((*COLUMNS, IMPORT_LIMIT), pl.Float64())})
