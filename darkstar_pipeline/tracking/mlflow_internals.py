"""The one private function of MLflow in use: it creates the tables of a store.

Two public ways lack something. A client on an empty database creates the tables in place and keeps the file open, so
that a store could not be made beside its place and moved in whole. The command `mlflow db upgrade` creates them, but
never closes its engine in this process, and needs 2 to 12 s in another one. What is missing in MLflow is a public
`upgrade(engine)`. MLflow is pinned to one release, and the test beside this module says when that changes.
"""

from pathlib import Path


def create_tables(database: Path) -> None:
    """Create MLflow's tables in an empty SQLite file and close it, as `mlflow db upgrade` does."""
    from mlflow.store.db import utils

    engine = utils.create_sqlalchemy_engine_with_retry(f"sqlite:///{database}")  # pyright: ignore[reportUnknownMemberType] - untyped
    try:
        utils._initialize_tables(engine)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType] - see above
    finally:
        engine.dispose()
