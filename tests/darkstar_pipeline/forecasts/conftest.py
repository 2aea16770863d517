"""One trained model for all tests here: fitting takes a second or two."""

import pytest

from darkstar_pipeline.forecasts.training import TrainedAurora, train_aurora
from tests.builders.month_home import FIRST, month_context

TRAINED_DAYS = 28


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainedAurora:
    """Aurora of the home's first four weeks."""
    context = month_context(tmp_path_factory.mktemp("trained"))
    return train_aurora(context, FIRST, FIRST.replace(day=TRAINED_DAYS))
