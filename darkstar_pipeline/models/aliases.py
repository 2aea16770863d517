"""MLflow's aliases of a model's versions: `challenger` is the newest policy, `champion` follows the pointer."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from darkstar_pipeline.models.champion_pointer import read_pointer
from darkstar_pipeline.models.version import RegisteredModel
from darkstar_pipeline.tracking.mlflow_store import check_local_store, open_store, translate_mlflow_errors

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHALLENGER, CHAMPION = "challenger", "champion"
_ABSENT = "RESOURCE_DOES_NOT_EXIST"


def set_champion_alias(model: RegisteredModel, version: int | None) -> None:
    """Give `champion` to a version, or to none; a challenger that became champion is no challenger any more.

    Raises:
        OutsideServiceError: MLflow refused or cannot be reached.
    """
    check_local_store(model.home, write=True)
    with translate_mlflow_errors(model.home):
        client, _ = open_store(model.home)
        if version is None:
            client.delete_registered_model_alias(model.name, CHAMPION)
            return
        client.set_registered_model_alias(model.name, CHAMPION, str(version))
        if alias_of(client, model.name, CHALLENGER) == version:
            client.delete_registered_model_alias(model.name, CHALLENGER)


def set_challenger_alias(client: "MlflowClient", model: RegisteredModel, version: int) -> None:
    """Give `challenger` to a version, unless it or a later one is champion or challenger already."""
    pointer = read_pointer(model.folder)
    champion = 0 if pointer is None else pointer.version
    challenger = alias_of(client, model.name, CHALLENGER)
    if version > max(champion, 0 if challenger is None else challenger):
        client.set_registered_model_alias(model.name, CHALLENGER, str(version))


def alias_of(client: "MlflowClient", name: str, alias: str) -> int | None:
    """Return the version that has an alias; None where none has it."""
    from mlflow.exceptions import MlflowException

    try:
        aliases = cast("Mapping[str, str]", client.get_registered_model(name).aliases)  # pyright: ignore[reportUnknownMemberType] - untyped
    except MlflowException as error:
        if error.error_code != _ABSENT:
            raise
        return None
    return int(aliases[alias]) if alias in aliases else None
