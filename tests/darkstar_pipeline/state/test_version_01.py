"""A state folder that version 0.1 wrote opens, migrates and serves.

`state_0_1.tar.gz` was written by version 0.1: a fortnight of readings and prices, a version in use, and a plan that its
service had made at 14:03 on 26 October 2025.
"""

import json
import tarfile
from pathlib import Path

import pytest

from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.models.champion_pointer import POINTER, load_champion
from darkstar_pipeline.models.promotion import finish
from darkstar_pipeline.models.version import RegisteredModel
from darkstar_pipeline.service.schemas.plans import PlanDocument
from darkstar_pipeline.state.migrations import STATE_FILE, STATE_VERSION, read_state_version
from darkstar_pipeline.warehouse.schemas import METER_READINGS, MODEL_PROMOTIONS
from tests.builders.service_home import made_engine
from tests.builders.small_home import DAYS, small_settings


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    """A site whose state folder is the one of version 0.1."""
    monkeypatch.setenv("DARKSTAR_CONFIG", str(tmp_path / "darkstar.yaml"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with tarfile.open(Path(__file__).with_name("state_0_1.tar.gz")) as archive:
        archive.extractall(tmp_path, filter="data")
    return open_context(settings=small_settings(), home=tmp_path / "state01")


def test_folder_of_version_01_opens_and_is_marked(context: Context) -> None:
    assert read_state_version(context.home) == STATE_VERSION
    assert (context.home / STATE_FILE).exists()
    assert context.lake.days(METER_READINGS, "home") == DAYS


def test_folder_of_version_01_serves_its_champion(context: Context) -> None:
    champion = load_champion(context)
    assert champion is not None
    assert champion.pointer.version == 1
    (stored,) = (context.home / "service" / "home" / "plans" / "2025-10-26").glob("*.json")
    before = PlanDocument.model_validate_json(stored.read_bytes())
    engine, _ = made_engine(context)
    engine.check()
    assert engine.plan().rung == before.rung == "champion"
    assert engine.plan().model == before.model


def test_promotion_that_version_01_had_begun_is_completed(context: Context) -> None:
    model = RegisteredModel.of(context)
    intent = {
        "move": "m1",
        "action": "promote",
        "after": json.loads((model.folder / POINTER).read_text()),
        "previous": None,
        "who": "anna",
        "why": "cheaper",
        "evidence": "",
        "forced": True,
        "at": "2025-10-01T00:00:00Z",
    }
    (model.folder / "move.json").write_text(json.dumps(intent))
    assert finish(context, model.name)
    (row,) = context.lake.read(MODEL_PROMOTIONS, "home").to_dicts()
    assert (row["who"], row["why"], row["version"], row["forced"]) == ("anna", "cheaper", 1, True)
    assert not (model.folder / "move.json").exists()
