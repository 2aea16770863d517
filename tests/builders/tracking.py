"""MLflow's empty store, made once for all tests: its migrations take four seconds, a copy takes none."""

import shutil
import warnings
from pathlib import Path

from pytest import TempPathFactory  # noqa: PT013 - a type, as in the signatures of fixtures

from darkstar_pipeline.context import MLFLOW_FOLDER
from darkstar_pipeline.tracking.mlflow_internals import create_tables
from darkstar_pipeline.tracking.mlflow_store import DATABASE
from tests.builders.shared_folders import filled_once


def with_empty_store(temporary: TempPathFactory, home: Path) -> Path:
    """Give a state folder MLflow's tables, empty, as its first use leaves them.

    Args:
        temporary: pytest's `tmp_path_factory`.
        home: the state folder.

    Returns:
        The state folder.
    """
    _configure_mappers()  # also where another process has made the store
    made = filled_once(temporary, "empty_store", _fill)
    (home / MLFLOW_FOLDER).mkdir(parents=True, exist_ok=True)
    shutil.copy(made / DATABASE, home / MLFLOW_FOLDER / DATABASE)
    return home


def _configure_mappers() -> None:
    """Have SQLAlchemy configure MLflow's mappers, which warns of MLflow; a warning that fails leaves them unusable."""
    from sqlalchemy.orm import configure_mappers

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow.store.db.utils  # noqa: F401 - brings all mappers

        configure_mappers()


def _fill(folder: Path) -> None:
    """Create the tables; MLflow warns of its own dependencies' changes meanwhile, nothing of ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        create_tables(folder / DATABASE)
