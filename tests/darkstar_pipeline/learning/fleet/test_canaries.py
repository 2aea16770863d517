"""A canary on the days since it began: taken back where surely worse, for all homes where it is not."""

from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest

from assets.fleet.graph.canaries import CANARIES
from darkstar_pipeline.definitions import build_definitions
from darkstar_pipeline.learning.fleet.canaries import judge_canaries
from darkstar_pipeline.learning.fleet.class_homes import Fleet
from darkstar_pipeline.models.fleet.classes import homes_by_class
from darkstar_pipeline.models.fleet.pointer import FleetPointer
from darkstar_pipeline.models.fleet.store import fleet_models
from env.time_grid import day_start
from jobs.fleet import FLEET_CANARIES
from tests.builders.fleet_learning import SIZES, UNREAD, learning_fleet
from tests.builders.fleet_models import pooled_bundle, put_into_use
from tests.builders.learning_home import LAST
from tests.builders.tracking import with_empty_store

HOARDS, SHIFTS = "1 -1 1 -1", "1 -1 -1 1"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    return learning_fleet(with_empty_store(tmp_path_factory, tmp_path_factory.mktemp("canaries")))


def canary(fleet: Fleet, folder: Path, *, days: int, offset: float) -> str:
    """A canary in all homes that began so many days before the last; the name of its class."""
    ((name, _),) = homes_by_class(fleet.homes()).items()
    put_into_use(fleet.settings, fleet.home, name, pooled_bundle(folder, {}, offset=offset, leaves=HOARDS), share=0.999)

    def begin(pointer: FleetPointer) -> FleetPointer:
        own = pointer.of(name)
        assert own.canary is not None
        earlier = own.canary.model_copy(update={"since": day_start(LAST - timedelta(days=days), "Europe/Stockholm")})
        return pointer.model_copy(update={"classes": {name: own.model_copy(update={"canary": earlier})}})

    fleet_models(fleet.settings, fleet.home).change(begin)
    return name


@pytest.mark.slow  # replays six homes by two versions
def test_a_canary_that_is_surely_worse_is_taken_back_by_the_job_of_dagster(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    name = canary(fleet, tmp_path / "worse", days=8, offset=3.0)
    job = build_definitions(fleet.settings, fleet.home).resolve_job_def(FLEET_CANARIES)
    with dg.DagsterInstance.ephemeral() as instance:
        run = job.execute_in_process(instance=instance)
    assert run.success
    (event,) = run.asset_materializations_for_node("fleet__canaries")
    assert event.asset_key == CANARIES
    told = str(event.metadata["what became of them"].value)
    assert "rollback" in told
    assert f"1 home left out ({UNREAD}): no day of it is usable" in told
    assert event.metadata["homes left out"].value == 1
    (check,) = run.get_asset_check_evaluations()
    assert not check.passed
    models = fleet_models(fleet.settings, fleet.home)
    after = models.pointer().of(name)
    assert (after.canary, after.champion) == (None, None)
    move = models.journal(name)[0]
    assert (move.action, move.actor) == ("rollback", "canary")
    assert "surely dearer" in move.reason
    assert move.evidence is not None
    assert UNREAD in str(move.evidence["left_out"])


@pytest.mark.thorough  # twice as many days
def test_a_canary_that_is_not_worse_is_for_all_homes_once_its_days_are_enough(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    name = canary(fleet, tmp_path / "alike", days=15, offset=0.0)
    early = date.fromordinal(LAST.toordinal() - 13)
    assert [each.verdict.step for each in judge_canaries(fleet, early)] == ["wait"]
    (judged,) = judge_canaries(fleet)
    assert judged.verdict.finding.n_homes == len(SIZES)
    assert judged.verdict.step == "promote", judged.verdict.reasons
    after = fleet_models(fleet.settings, fleet.home).pointer().of(name)
    assert after.canary is None
    assert after.champion == judged.canary.ref
    assert judge_canaries(fleet) == []
