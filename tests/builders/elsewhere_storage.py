"""A storage of Dagster that is no file below its folder, as Postgres is none; its `dagster.yaml`."""

from pathlib import Path

from dagster._core.storage.sqlite_storage import DagsterSqliteStorage


class Elsewhere(DagsterSqliteStorage):
    """Dagster's own storage of files, in a folder of its own."""


def store_elsewhere(home: Path, place: Path) -> None:
    """Write the `dagster.yaml` of a person who keeps Dagster's records at another place."""
    (home / "dagster").mkdir(parents=True)
    (home / "dagster" / "dagster.yaml").write_text(f"""
telemetry: {{enabled: false}}
storage:
  custom: {{module: {__name__}, class: Elsewhere, config: {{base_dir: {place}}}}}
""")
