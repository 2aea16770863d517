"""The MLflow run of a day's step of the learning engine: every value, and what readings show."""

from pathlib import Path

import polars as pl

from darkstar_pipeline.tracking.mlflow_store import (
    DRIFTS,
    code_version,
    log_values,
    open_run,
    open_store,
    translate_mlflow_errors,
)
from darkstar_pipeline.tracking.pages import dagster_tags


def log_step(home: Path, site: str, rows: pl.DataFrame, dagster_run_id: str | None = None) -> str:
    """Log a day's step, so that MLflow's page draws each quantity over the days; return the run's id.

    Args:
        home: the state folder.
        site: name of the home.
        rows: of `learned_values`, of one step.
        dagster_run_id: the Dagster run that took it, for the link back.

    Raises:
        OutsideServiceError: MLflow refused or cannot be reached.
    """
    day = rows["local_day"][0]
    values = dict(rows.select("quantity", "new_value").iter_rows())
    shown = {f"{name}_shown": value for name, value in rows.select("quantity", "shown").drop_nulls().iter_rows()}
    tags = {"site": site, "local_day": str(day), "code_version": code_version(), **dagster_tags(dagster_run_id)}
    with translate_mlflow_errors(home):
        client, experiments = open_store(home)
        with open_run(client, experiments[DRIFTS], f"{site} {day}", tags) as run_id:
            log_values(client, run_id, values | shown, {"site": site})
    return run_id
