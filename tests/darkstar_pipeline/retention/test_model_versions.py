from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.errors import OutsideServiceError
from darkstar_pipeline.models.promotion import promote, rollback
from darkstar_pipeline.models.registry import attach_evidence, kept_evidence, list_versions, register_model
from darkstar_pipeline.models.version import RegisteredModel
from darkstar_pipeline.retention import model_versions
from darkstar_pipeline.retention.cleaning import KindReport, clean
from darkstar_pipeline.tracking.mlflow_store import TRAININGS, open_run, open_store
from tests.builders.models import bundle_in, training
from tests.builders.tracking import with_empty_store

EVIDENCE = {"promote": True, "reasons": ["cheaper"]}
LATER = datetime.now(UTC) + timedelta(days=400)


def context_in(home: Path, **retention: object) -> Context:
    sites = {"home": {"service": {"shadows": ["models:/antares-home/2"]}}}
    return open_context("home", settings=Settings.model_validate({"sites": sites, "retention": retention}), home=home)


def register(context: Context, folder: Path, count: int) -> None:
    for seed in range(1, count + 1):
        place = folder / f"bundle_{seed}"
        bundle_in(place, context, seed=seed)
        version = register_model(context, place, training())
        attach_evidence(context, "antares-home", version, EVIDENCE)


def reports(context: Context) -> dict[str, KindReport]:
    return {each.kind: each for each in clean(context.home, context.settings, now=LATER)}


@pytest.mark.thorough
def test_versions_in_use_named_or_rolled_back_to_stay_with_their_evidence(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = with_empty_store(tmp_path_factory, tmp_path / "state")
    context = context_in(home, versions=3)
    register(context, tmp_path, 8)
    model = RegisteredModel.of(context)
    for version in (1, 4):
        promote(context, version, actor="test", reason="test", evidence=EVIDENCE)
    client, experiments = open_store(home)
    with open_run(client, experiments[TRAININGS], "became no version", {}) as run_id:
        client.log_text(run_id, "x" * 10_000, "notes.txt")
    done = reports(context)
    assert (done["models"].count, done["models"].needed, done["models"].goes) == (8, 6, 2)
    assert not any(each.problem for each in done.values())
    assert sorted(model.versions()) == [1, 2, 4, 6, 7, 8], "first, named by the configuration, in use, the newest"
    assert [each.version for each in list_versions(context)] == [8, 7, 6, 4, 2, 1]
    assert kept_evidence(model, 1) is not None
    assert kept_evidence(model, 3) is None
    folders = [path for path in (home / "mlflow" / "artifacts" / TRAININGS).iterdir() if path.name != run_id]
    assert len(folders) == 6
    assert client.get_run(run_id).info.status == "FINISHED", "the newest 50 runs stay"
    assert rollback(context, actor="test", reason="test").version == 1
    again = reports(context)
    assert (again["models"].goes, sorted(model.versions())) == (1, [1, 2, 6, 7, 8])


def test_nothing_is_removed_when_the_store_of_versions_cannot_be_read(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = with_empty_store(tmp_path_factory, tmp_path / "state")
    context = context_in(home, versions=3)
    model = RegisteredModel.of(context)
    for version in range(1, 6):
        bundle_in(model.version_folder(version), context, seed=version)
    (home / "mlflow" / "mlflow.db").write_bytes(b"no database" * 1000)
    done = reports(context)
    assert "refused" in done["models"].problem
    assert sorted(model.versions()) == [1, 2, 3, 4, 5]


@pytest.mark.thorough
def test_a_removal_that_was_cut_off_is_completed(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = with_empty_store(tmp_path_factory, tmp_path / "state")
    context = context_in(home, versions=3)
    register(context, tmp_path, 4)
    model = RegisteredModel.of(context)

    def cut_off(*_: object) -> None:
        raise OutsideServiceError("cut off")

    monkeypatch.setattr(model_versions, "remove_runs", cut_off)
    assert reports(context)["models"].problem == "cut off"
    assert sorted(model.versions()) == [1, 2, 3, 4], "the bundle goes last, so that it is found again"
    monkeypatch.undo()
    assert reports(context)["models"].goes == 1
    assert sorted(model.versions()) == [2, 3, 4]


def test_versions_wait_while_a_change_of_the_pointer_has_not_ended(tmp_path: Path) -> None:
    context = context_in(tmp_path, versions=3)
    model = RegisteredModel.of(context)
    for version in range(1, 6):
        bundle_in(model.version_folder(version), context, seed=version)
    (model.folder / "move.json").write_text("{}")
    assert reports(context)["models"].needed == 5
    (model.folder / "move.json").unlink()
    assert reports(context)["models"].goes == 1
