"""The tables of runs, promotions and plans: small, a file a day, to which rows are added one by one."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, cast

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.models.training_run import TrainingRun
from darkstar_pipeline.warehouse.schemas import (
    ANTARES_POLICY_RUNS,
    ANTARES_RL_RUNS,
    ANTARES_TRAINING_RUNS,
    Table,
)
from darkstar_pipeline.warehouse.tables import Tables
from env.time_grid import zone
from planner.artifacts.bundle import Manifest

_TABLES_OF_KIND: dict[str, tuple[Table, ...]] = {"lightgbm": (ANTARES_POLICY_RUNS,), "rl": (ANTARES_RL_RUNS,)}


def add_row(lake: Tables, table: Table, row: Mapping[str, object]) -> bool:
    """Add a row to its day; a row whose key is there already is not added again.

    Args:
        lake: the tables.
        table: where it belongs.
        row: a value for every declared column.

    Returns:
        Whether it was new.
    """
    day, site = row[table.day_column], str(row["site"])
    if not isinstance(day, date):
        message = f"{table.name}.{table.day_column} is {day!r}, not a day"
        raise TypeError(message)
    new = pl.DataFrame([row], schema=table.schema)

    def added(there: pl.DataFrame) -> pl.DataFrame:
        known = new.join(there, on=list(table.key), how="semi").height
        return there.clear() if known else pl.concat([there, new])

    return bool(lake.merge_days(table, site, (day, day), added))


def add_run(context: Context, manifest: Manifest, run: TrainingRun, found: Mapping[str, object]) -> None:
    """Add a registered training to the tables of runs it belongs to.

    Args:
        context: the site.
        manifest: of the bundle that came out.
        run: the training.
        found: `run_id, model, version, config_version, code_version, bundle_identity, artifact_path, created_at`.
    """
    at = cast("datetime", found["created_at"])
    row: dict[str, object] = {
        **found,
        "site": context.site_name,
        "local_day": at.astimezone(zone(context.timezone)).date(),
        "kind": manifest.kind,
        "algorithm": manifest.algorithm,
        "state_version": manifest.state,
        "action_version": manifest.action,
        "reward_version": manifest.reward,
        "tariff_version": manifest.tariff,
        "content_hash": run.content_hash,
        "seeds": json_text(list(run.seeds)),
        "hyper_parameters": json_text(run.params),
        "metrics": json_text(run.metrics),
        "parent_run_id": run.parent_run_id,
    }
    for window in ("train", "validation", "test"):
        days = getattr(run, window)
        row[f"{window}_first"], row[f"{window}_last"] = (None, None) if days is None else days
    for table in (ANTARES_TRAINING_RUNS, *_TABLES_OF_KIND.get(manifest.kind, ())):
        add_row(context.lake, table, row)


def json_text(value: object) -> str:
    """JSON that reads the same for the same values; what JSON has no word for is text, what is no number is null."""
    return json.dumps(_finite(value), sort_keys=True, default=str, allow_nan=False)


def _finite(value: object) -> object:
    """Return the value without infinities and NaN, which JSON cannot hold."""
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in cast("list[Any]", value)]
    return value
