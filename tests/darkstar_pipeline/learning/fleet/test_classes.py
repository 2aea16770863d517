"""A class's model from raw days to a canary and back: trained once for all homes, judged, promoted, taken back."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.context import open_context
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.fleet.homes_file import change_homes, fleet_of
from darkstar_pipeline.fleet.lake import fleet_lake
from darkstar_pipeline.learning.fleet.canaries import judge_canaries
from darkstar_pipeline.learning.fleet.class_homes import ClassHome, Fleet, class_homes, class_windows, drawn
from darkstar_pipeline.learning.fleet.judging import judged_homes
from darkstar_pipeline.learning.fleet.promotion import promote_version
from darkstar_pipeline.learning.fleet.retraining import retrain_classes
from darkstar_pipeline.models.fleet.classes import homes_by_class, pays_for_power
from darkstar_pipeline.models.fleet.moves import ClassNotPromotedError
from darkstar_pipeline.models.fleet.pointer import FleetPointer
from darkstar_pipeline.models.fleet.store import fleet_models
from darkstar_pipeline.models.registry import find_version, list_versions
from darkstar_pipeline.policies.trained import trained_policy
from darkstar_pipeline.warehouse.buckets.object_names import object_key
from darkstar_pipeline.warehouse.schemas import METER_READINGS
from planner.policies.adapted_policy import AdaptedPolicy
from tests.builders.fleet_homes import home_rows
from tests.builders.fleet_learning import SIZES, UNREAD, learning_fleet
from tests.builders.learning_home import LAST
from tests.builders.tracking import with_empty_store


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    return learning_fleet(with_empty_store(tmp_path_factory, tmp_path_factory.mktemp("fleet")))


def the_class(fleet: Fleet) -> tuple[str, list[str]]:
    """The only class, with its homes."""
    return next(iter(homes_by_class(fleet.homes()).items()))


def homes_of(fleet: Fleet) -> list[ClassHome]:
    every = fleet.homes()
    return list(class_homes(fleet, {site: every[site] for site in SIZES}).homes)


def test_the_windows_are_the_class_s_and_no_day_is_in_two(fleet: Fleet) -> None:
    homes = homes_of(fleet)
    assert [home.name for home in homes] == list(SIZES)
    windows = class_windows(homes)
    days = [*windows.train, *windows.validation, *windows.test]
    assert days == sorted(set(days))
    assert set(homes[0].inside(windows.test)) == set(windows.test)
    with pytest.raises(DataMissingError, match="no day of any home"):
        class_windows([])


def test_the_same_homes_are_drawn_whatever_their_order(fleet: Fleet) -> None:
    homes = homes_of(fleet)
    assert drawn(homes, 3, salt="a") == drawn(homes[::-1], 3, salt="a")
    assert drawn(homes, 9, salt="a") == homes


def test_value_against_itself_differs_on_no_day(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    days = [date(2025, 10, 26), date(2025, 10, 27), date(2020, 1, 1)]  # a day with 100 slots, and one that is unknown
    judged = judged_homes(fleet, homes_of(fleet)[:2], days, (None, None))
    assert judged.costs.champion.shape == (2, 2)
    assert (judged.costs.champion == judged.costs.challenger).all()
    assert not judged.left_out
    none = judged_homes(fleet, homes_of(fleet)[:1], days[2:], (None, None))
    assert none.left_out == {"home0": "no usable day"}


def test_a_class_with_a_demand_charge_is_left_out_and_told_so(tmp_path: Path) -> None:
    tariff = [{"transfer_fee": 0.2, "energy_tax": 0.4, "power": [{"price_per_kw": 60.0, "top": 3}]}]
    settings = Settings.model_validate({"fleet": {"buckets": 1, "defaults": {"tariff": tariff}}})
    change_homes(tmp_path, lambda _: home_rows({f"home{number}": {} for number in range(6)}))
    charged = Fleet(settings, tmp_path)
    by_class = homes_by_class(charged.homes())
    report = retrain_classes(charged, {**by_class, "nobody": []}, 5)
    assert not report.judged
    (reason, nobody) = report.left_out.values()
    assert nobody == "no home is of this class"
    assert "pays for power, which pooled policies do not see: its homes keep `value`" in reason
    assert pays_for_power(charged.homes()["home0"])
    assert not pays_for_power(Settings.model_validate({"sites": {"home": {}}}).sites["home"])


def test_homes_that_cannot_be_read_are_left_out_by_name_and_too_few_are_refused(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    name, sites = the_class(fleet)
    every = fleet.homes()
    assert list(class_homes(fleet, {site: every[site] for site in sites}).left_out) == [UNREAD]
    key = object_key(METER_READINGS, 0, homes_of(fleet)[0].days[3])
    store = fleet_lake(fleet_of(fleet.settings), fleet.home).store
    found = store.get(key)
    assert found is not None
    store.put(key, found.data[:100])
    try:
        report = retrain_classes(fleet, {name: sites}, 5)
    finally:
        store.put(key, found.data)
    assert not report.judged
    reason = report.left_out[name]
    assert "0 homes can be learned from, 5 are needed" in reason
    assert "home0, home1, home2, home3, home4 and 1 more: an object of the lake cannot be read" in reason
    assert f"{UNREAD}: no day of it is usable" in reason


@pytest.mark.thorough
@pytest.mark.slow  # trains, registers and replays six homes
def test_a_class_is_trained_judged_promoted_to_some_and_taken_back(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    name, sites = the_class(fleet)
    report = retrain_classes(fleet, {name: sites, "nobody": []}, 5)
    assert list(report.left_out) == ["nobody"], report.left_out
    (judged,) = report.judged
    assert list(judged.left_out) == [UNREAD]
    assert judged.trained.learned_from == 5
    assert judged.verdict.finding.n_homes == len(SIZES)
    context = fleet.class_context(name, fleet.homes()[sites[0]])
    record = find_version(context, judged.model, judged.trained.ref.version)
    assert record.evidence is not None
    assert record.evidence["against"] == "value"
    assert record.tags["class"] == name
    for told in (record.evidence["left_out"], json.loads(record.tags["left_out"])):
        assert [(each["homes"], each["names"]) for each in told] == [(1, [UNREAD])]
    if not judged.verdict.promote:
        with pytest.raises(ClassNotPromotedError):
            promote_version(context, None, share=0.9, sites=sites, actor="me", reason=None, force=False)
    move = promote_version(context, None, share=0.999, sites=sites, actor="me", reason="to see", force=True)
    assert move.after.canary is not None
    policies = [
        trained_policy(open_context(site, settings=fleet.settings, home=fleet.home), "champion") for site in sites
    ]
    assert all(each is not None and isinstance(each.policy, AdaptedPolicy) for each in policies)

    models = fleet_models(fleet.settings, fleet.home)
    (waiting,) = judge_canaries(fleet)
    assert waiting.verdict.step == "wait"  # it began after the last day
    begun = datetime(2025, 10, 24, 10, tzinfo=UTC)

    def begin(pointer: FleetPointer) -> FleetPointer:
        own = pointer.of(name)
        assert own.canary is not None
        earlier = own.canary.model_copy(update={"since": begun})
        return pointer.model_copy(update={"classes": {name: own.model_copy(update={"canary": earlier})}})

    models.change(begin)
    (done,) = judge_canaries(fleet, LAST)
    assert done.verdict.finding.n_days == (LAST - begun.date()).days
    after = models.pointer().of(name)
    if done.verdict.step == "rollback":
        assert (after.canary, after.champion) == (None, None)
    else:
        assert done.verdict.step == "promote"
        assert after.champion == judged.trained.ref
    assert models.journal(name)[0].actor == "canary"
    assert judge_canaries(fleet) == []
    assert [each.version for each in list_versions(context)] == [1]
