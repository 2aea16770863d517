"""One MLflow store for all tests of models, since making one takes seconds; every test has a site of its own in it."""

from collections.abc import Callable, Generator
from itertools import count
from pathlib import Path

import pytest

from darkstar_pipeline.context import Context
from darkstar_pipeline.models.registry import register_model
from tests.builders.models import bundle_in, context_in, training
from tests.builders.tracking import with_empty_store

_SITES = count(1)


@pytest.fixture(scope="session")
def tracked_home(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    """A state folder whose store is kept locally."""
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield with_empty_store(tmp_path_factory, tmp_path_factory.mktemp("home"))


@pytest.fixture
def context(tracked_home: Path) -> Context:
    """A site without any model."""
    return context_in(tracked_home, f"site{next(_SITES)}")


Register = Callable[..., int]


@pytest.fixture
def register(context: Context, tmp_path: Path) -> Register:
    """Registers the bundle of a seed."""

    def call(seed: int, *, kind: str = "rl", **changes: object) -> int:
        folder = tmp_path / f"{kind}{seed}"
        bundle_in(folder, context, seed=seed, kind=kind)
        return register_model(context, folder, training(**changes))

    return call
