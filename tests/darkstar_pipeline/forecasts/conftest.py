"""One trained model for all tests here: fitting takes a second or two."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from darkstar_pipeline.context import Context
from darkstar_pipeline.forecasts.training import TrainedAurora, train_aurora
from darkstar_pipeline.models.champion_pointer import Pointer, VersionRef, write_pointer
from darkstar_pipeline.models.version import RegisteredModel
from tests.builders.month_home import FIRST, month_context

TRAINED_DAYS = 28
LEARNED = FIRST.replace(day=TRAINED_DAYS)
AFTER = [LEARNED + timedelta(days=by) for by in range(1, 4)]


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainedAurora:
    """Aurora of the home's first four weeks."""
    context = month_context(tmp_path_factory.mktemp("trained"))
    return train_aurora(context, FIRST, FIRST.replace(day=TRAINED_DAYS))


def folder_of(context: Context) -> Path:
    return RegisteredModel.of(context, "aurora").folder


def promote(context: Context, trained: TrainedAurora, *versions: int) -> None:
    """Put the model where promoted ones stand, as these versions, the one in use first."""
    folder = folder_of(context)
    numbers = versions or (3,)
    seats = [
        VersionRef(version=number, identity=trained.save(folder / f"v{number}").identity, path=f"v{number}")
        for number in numbers
    ]
    pointer = Pointer(
        **seats[0].model_dump(),
        model=folder.name,
        previous=tuple(seats[1:]),
        move="first",
        at=datetime(2025, 11, 5, tzinfo=UTC),
    )
    write_pointer(folder, pointer)


@pytest.fixture
def promoted(tmp_path: Path, trained: TrainedAurora) -> Context:
    """The home with a promoted model of its first four weeks."""
    context = month_context(tmp_path)
    promote(context, trained)
    return context
