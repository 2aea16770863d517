"""The champion follows the pointer, and a version that cannot be used leaves the old one in place and says so."""

from collections.abc import Callable
from pathlib import Path

import pytest

from darkstar_pipeline.context import Context
from darkstar_pipeline.models.champion_pointer import POINTER
from darkstar_pipeline.models.version import RegisteredModel
from darkstar_pipeline.service.engine.champion_follower import ChampionFollower
from darkstar_pipeline.service.schemas.models import ModelsDocument, MoveDocument
from darkstar_pipeline.tracking.mlflow_store import open_store
from tests.builders.service_home import asking, made_engine, place_version, put_in_use


def folder(context: Context) -> Path:
    return RegisteredModel.of(context).folder


def test_champion_is_followed_when_the_pointer_moves(context: Context) -> None:
    follower = ChampionFollower()
    assert follower.follow(context)
    first = follower.state.active
    assert not follower.follow(context)
    put_in_use(context, 2, place_version(context, 2))
    assert follower.follow(context)
    assert follower.state.model is not None
    assert (follower.state.model.version, follower.state.wanted_version, follower.state.problem) == (2, 2, "")
    assert follower.state.active is not first
    (folder(context) / POINTER).unlink()
    assert follower.follow(context)
    assert (follower.state.model, follower.state.wanted_version, follower.state.problem) == (None, None, "")


def damage_a_file(context: Context) -> None:
    bundle = place_version(context, 2)
    path = next(path for path in (folder(context) / "v2").iterdir() if path.suffix == ".safetensors")
    path.write_bytes(path.read_bytes()[:-1] + b"\x07")
    put_in_use(context, 2, bundle)


def lose_a_file(context: Context) -> None:
    bundle = place_version(context, 2)
    next(path for path in (folder(context) / "v2").iterdir() if path.suffix == ".safetensors").unlink()
    put_in_use(context, 2, bundle)


def train_elsewhere(context: Context) -> None:
    put_in_use(context, 2, place_version(context, 2, tariff="another"))


def see_another_state(context: Context) -> None:
    put_in_use(context, 2, place_version(context, 2, state="v9"))


def damage_the_manifest(context: Context) -> None:
    bundle = place_version(context, 2)
    (folder(context) / "v2" / "manifest.json").write_text("{")
    put_in_use(context, 2, bundle)


def point_nowhere(context: Context) -> None:
    bundle = place_version(context, 1)
    put_in_use(context, 7, bundle)


def damage_the_pointer(context: Context) -> None:
    (folder(context) / POINTER).write_text("no JSON")


FAULTS = [
    damage_a_file,
    lose_a_file,
    train_elsewhere,
    see_another_state,
    damage_the_manifest,
    point_nowhere,
    damage_the_pointer,
]


@pytest.mark.parametrize("fault", FAULTS)
def test_old_version_stays_and_says_so_when_the_new_one_cannot_be_used(
    context: Context, fault: Callable[[Context], None]
) -> None:
    engine, _ = made_engine(context)
    engine.check()
    fault(context)
    engine.check()
    plan = engine.plan()
    assert (plan.rung, plan.model is not None and plan.model.version) == ("champion", 1)
    with asking(engine) as client:
        models = ModelsDocument.model_validate_json(client.get("/models").content)
        health = client.get("/health").json()
    assert models.problem
    assert models.champion is not None
    assert models.champion.version == 1
    assert (health["status"], [part["ok"] for part in health["components"] if part["name"] == "champion"]) == (
        "degraded",
        [False],
    )
    put_in_use(context, 3, place_version(context, 3))
    engine.check()
    model = engine.plan().model
    assert model is not None
    assert model.version == 3
    assert engine.follower.state.problem == ""


@pytest.mark.parametrize("fault", FAULTS)
def test_value_decides_when_the_first_version_cannot_be_used(
    context: Context, fault: Callable[[Context], None]
) -> None:
    fault(context)
    engine, _ = made_engine(context)
    engine.check()
    assert engine.plan().rung == "value"
    assert engine.follower.state.problem
    assert engine.plan().why.startswith("champion: ")


@pytest.mark.filterwarnings("ignore:The ``noload`` loader")  # MLflow's, when it makes its tables
def test_versions_are_promoted_and_rolled_back_when_requested(context: Context) -> None:
    place_version(context, 2)
    open_store(context.home)
    engine, _ = made_engine(context)
    engine.check()
    with asking(engine) as client:
        for version, status, code in (
            (2, 409, "not_promoted"),
            (9, 404, "data_missing"),
        ):  # placed, never evaluated; not there
            refused = client.post("/models/promote", json={"version": version, "why": "why not"})
            assert (refused.status_code, refused.json()["error"]["code"]) == (status, code), refused.text
        back = client.post("/models/rollback", json={"why": "it charges too little"})
        assert back.status_code == 200
        moved = MoveDocument.model_validate_json(back.content)
        assert (moved.action, moved.version, moved.previous, moved.changed) == ("rollback", None, 1, True)
        engine.check()
        assert engine.plan().rung == "value"
        assert client.post("/models/rollback", json={"why": "again"}).status_code == 404
        (folder(context) / "v2" / "manifest.json").write_text("{")
        rows = ModelsDocument.model_validate_json(client.get("/models").content).versions
    assert [(row.version, bool(row.problem)) for row in rows] == [(2, True), (1, False)]
