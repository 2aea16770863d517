"""MLflow's aliases of a model's versions: `challenger` is the newest policy, `champion` follows the pointer."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from darkstar_pipeline.context import Context
from darkstar_pipeline.models.champion_pointer import read_pointer
from darkstar_pipeline.models.sqlite_aliases import move_local_champion
from darkstar_pipeline.models.version import find_model
from darkstar_pipeline.tracking.mlflow_store import local_database, open_store, translate_mlflow_errors

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHALLENGER, CHAMPION = "challenger", "champion"
_ABSENT = "RESOURCE_DOES_NOT_EXIST"


def point_aliases(context: Context, name: str, version: int | None) -> None:
    """Make MLflow's `champion` the version that the pointer names; a challenger that won is none any more.

    Raises:
        OutsideServiceError: MLflow refused or cannot be reached.
    """
    database = local_database(context.home)
    if database is not None and move_local_champion(database, name, version):
        return
    with translate_mlflow_errors(context.home):
        client, _ = open_store(context.home)
        if version is None:
            client.delete_registered_model_alias(name, CHAMPION)
            return
        client.set_registered_model_alias(name, CHAMPION, str(version))
        if alias_of(client, name, CHALLENGER) == version:
            client.delete_registered_model_alias(name, CHALLENGER)


def make_challenger(client: "MlflowClient", context: Context, name: str, version: int) -> None:
    """Give the alias to a version, unless it or a later one is the champion or the challenger already."""
    pointer = read_pointer(find_model(context, name).folder)
    champion = 0 if pointer is None else pointer.version
    challenger = alias_of(client, name, CHALLENGER)
    if version > max(champion, 0 if challenger is None else challenger):
        client.set_registered_model_alias(name, CHALLENGER, str(version))


def alias_of(client: "MlflowClient", name: str, alias: str) -> int | None:
    """The version that has an alias."""
    from mlflow.exceptions import MlflowException

    try:
        aliases = cast("Mapping[str, str]", client.get_registered_model(name).aliases)  # pyright: ignore[reportUnknownMemberType] - untyped
    except MlflowException as error:
        if error.error_code != _ABSENT:
            raise
        return None
    return int(aliases[alias]) if alias in aliases else None
