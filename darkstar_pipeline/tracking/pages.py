"""Addresses of the pages of Dagster and MLflow, by which a run of one names the run of the other.

`darkstar ui` starts both on ports that are free, and tells the programs it starts by environment variables.
"""

import os

MLFLOW_PAGE, DAGSTER_PAGE = "DARKSTAR_MLFLOW_PAGE", "DARKSTAR_DAGSTER_PAGE"
_USUAL = {MLFLOW_PAGE: "http://127.0.0.1:5000", DAGSTER_PAGE: "http://127.0.0.1:3000"}
_SHOWN = 8


def page(name: str) -> str:
    """Return the address of a page: as `darkstar ui` says, else where it is by default."""
    return (os.environ.get(name) or _USUAL[name]).rstrip("/")


def dagster_tags(run_id: str | None) -> dict[str, str]:
    """Return the tags of an MLflow run that name the Dagster run it is of, with a link in its description."""
    if run_id is None:
        return {}
    link = f"[{run_id[:_SHOWN]}]({page(DAGSTER_PAGE)}/runs/{run_id})"
    return {"dagster/run_id": run_id, "mlflow.note.content": f"Made by Dagster's run {link}."}
