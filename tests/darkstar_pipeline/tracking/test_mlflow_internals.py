"""The private function that creates MLflow's tables does what the public command does."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from darkstar_pipeline.tracking.mlflow_internals import create_tables

# MLflow warns of its own dependencies' changes while it is imported; nothing of ours.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


COLUMNS = "SELECT m.name, c.name, c.type, c.pk FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'"


def schema(database: Path) -> set[tuple[object, ...]]:
    """Return the columns of every table; the order of constraints in the statements is not the same in every run."""
    with closing(sqlite3.connect(database)) as connection:
        return set(connection.execute(COLUMNS))


@pytest.mark.thorough
def test_tables_are_those_of_the_public_command(tmp_path: Path) -> None:
    from mlflow.db import upgrade  # takes 2 s

    create_tables(tmp_path / "ours.db")
    upgrade.main([f"sqlite:///{tmp_path / 'theirs.db'}"], standalone_mode=False)  # pyright: ignore[reportUnknownMemberType] - untyped
    assert schema(tmp_path / "ours.db") == schema(tmp_path / "theirs.db")
    with closing(sqlite3.connect(tmp_path / "ours.db")) as connection:
        assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)
