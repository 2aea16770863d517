"""A class's version is put into use and taken back whole, first for a share of its homes; a home's own goes before."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.doctor.finding import Verdict
from darkstar_pipeline.doctor.fleet.models import pointed_models
from darkstar_pipeline.errors import ConfigurationError, DataMissingError
from darkstar_pipeline.models.champion_pointer import VersionRef
from darkstar_pipeline.models.fleet.classes import class_of, homes_by_class
from darkstar_pipeline.models.fleet.moves import (
    ClassNotPromotedError,
    MoveRequest,
    promote_class,
    rollback_class,
    set_own,
)
from darkstar_pipeline.models.fleet.pointer import POINTER_KEY, FleetPointer
from darkstar_pipeline.models.fleet.resolution import is_drawn, policy_for
from darkstar_pipeline.models.fleet.store import FleetModels
from darkstar_pipeline.warehouse.buckets.object_store import FolderStore, open_store
from planner.artifacts.bundle import Manifest, save_bundle
from planner.errors import PolicyMismatchError

CLASS = "sek-pv"
SITES = [f"home{number}" for number in range(400)]
PASSED = MoveRequest(actor="me", reason="cheaper", evidence={"promote": True, "reasons": ["cheaper"]})


class KilledError(BaseException):
    """What a process that is killed does not come back from."""


def bundle_in(folder: Path, seed: int) -> Path:
    """A bundle that differs by its seed."""
    save_bundle(folder, Manifest(kind="lightgbm", algorithm="dagger"), {"trees.txt": bytes([seed])})
    return folder


@pytest.fixture
def models(tmp_path: Path) -> FleetModels:
    return FleetModels(open_store(tmp_path / "fleet"), tmp_path / "cache")


@pytest.fixture
def refs(models: FleetModels, tmp_path: Path) -> dict[int, VersionRef]:
    return {seed: models.add_bundle(bundle_in(tmp_path / f"made{seed}", seed), seed) for seed in (1, 2, 3)}


def in_use(models: FleetModels, sites: list[str] = SITES, class_name: str = CLASS) -> set[int | None]:
    """The versions that these homes run."""
    pointer = models.pointer()
    found = [policy_for(pointer, site, class_name) for site in sites]
    return {None if each is None else each.ref.version for each in found}


def test_a_class_goes_from_value_over_a_canary_to_a_champion_and_back(
    models: FleetModels, refs: dict[int, VersionRef]
) -> None:
    assert in_use(models) == {None}
    promote_class(models, CLASS, refs[1], PASSED, share=0.25)
    drawn = [site for site in SITES if policy_for(models.pointer(), site, CLASS) is not None]
    assert 60 < len(drawn) < 140
    assert in_use(models, drawn) == {1}
    assert in_use(models, class_name="other") == {None}
    promote_class(models, CLASS, refs[1], PASSED)
    assert in_use(models) == {1}
    promote_class(models, CLASS, refs[2], PASSED, share=0.5)
    assert in_use(models) == {1, 2}
    assert rollback_class(models, CLASS, MoveRequest(actor="me", reason="worse")).after.champion == refs[1]
    assert in_use(models) == {1}
    promote_class(models, CLASS, refs[2], PASSED)
    rollback_class(models, CLASS, MoveRequest(actor="me", reason="worse"))
    assert in_use(models) == {1}
    rollback_class(models, CLASS, MoveRequest(actor="me", reason="worse"))
    assert in_use(models) == {None}
    with pytest.raises(DataMissingError, match="`value` decides"):
        rollback_class(models, CLASS, MoveRequest(actor="me", reason="worse"))
    journal = models.journal(CLASS)
    assert [(each.action, each.version, each.previous, each.share) for each in reversed(journal)] == [
        ("canary", 1, None, 0.25),
        ("promote", 1, None, 1.0),
        ("canary", 2, 1, 0.5),
        ("rollback", 1, 2, 0.5),
        ("promote", 2, 1, 1.0),
        ("rollback", 1, 2, 1.0),
        ("rollback", None, 1, 1.0),
    ]
    assert journal[-1].evidence == PASSED.evidence
    assert {each.actor for each in journal} == {"me"}


def test_promoting_what_is_in_use_changes_nothing(models: FleetModels, refs: dict[int, VersionRef]) -> None:
    promote_class(models, CLASS, refs[1], PASSED, share=0.2)
    since = models.pointer().of(CLASS).canary
    assert not promote_class(models, CLASS, refs[1], PASSED, share=0.2).changed
    assert promote_class(models, CLASS, refs[1], PASSED, share=0.4).changed
    wider = models.pointer().of(CLASS).canary
    assert since is not None
    assert wider is not None
    assert wider.since == since.since
    promote_class(models, CLASS, refs[1], PASSED)
    assert not promote_class(models, CLASS, refs[1], PASSED).changed
    assert len(models.journal(CLASS)) == 3


def test_a_home_with_its_own_champion_keeps_it(models: FleetModels, refs: dict[int, VersionRef]) -> None:
    promote_class(models, CLASS, refs[1], PASSED)
    set_own(models, "home3", refs[3])
    pointer = models.pointer()
    own, other = (policy_for(pointer, site, CLASS) for site in ("home3", "home4"))
    assert own is not None
    assert (own.source, own.ref, own.model) == ("own", refs[3], "antares-home3")
    assert other is not None
    assert (other.source, other.model) == ("champion", "antares-class-sek-pv")
    assert models.bundle(own.ref).identity == refs[3].identity
    set_own(models, "home3", None)
    assert in_use(models) == {1}


@pytest.mark.parametrize(
    "request_",
    [MoveRequest(actor="me", reason="so"), MoveRequest(actor="me", reason="so", evidence={"promote": False})],
)
def test_without_evidence_only_force_promotes(
    models: FleetModels, refs: dict[int, VersionRef], request_: MoveRequest
) -> None:
    with pytest.raises(ClassNotPromotedError, match="version 1 of class"):
        promote_class(models, CLASS, refs[1], request_)
    forced = MoveRequest(actor="me", reason="so", evidence=request_.evidence, force=True)
    promote_class(models, CLASS, refs[1], forced)
    assert models.journal(CLASS)[0].forced


def test_a_bundle_that_is_missing_or_another_is_refused(
    models: FleetModels, refs: dict[int, VersionRef], tmp_path: Path
) -> None:
    absent = VersionRef(version=9, identity="f" * 64, path="models/bundles/" + "f" * 64)
    with pytest.raises(PolicyMismatchError, match="no bundle of version 9"):
        promote_class(models, CLASS, absent, PASSED)
    wrong = refs[1].model_copy(update={"path": refs[2].path})
    with pytest.raises(PolicyMismatchError, match="not the bundle"):
        promote_class(models, CLASS, wrong, PASSED)
    (tmp_path / "fleet" / refs[3].path / "trees.txt").write_bytes(b"torn")
    with pytest.raises(PolicyMismatchError, match="not the file"):
        promote_class(models, CLASS, refs[3], PASSED)
    assert models.pointer() == FleetPointer()


def test_a_damaged_pointer_says_where_it_lies(models: FleetModels, tmp_path: Path) -> None:
    models.store.put(POINTER_KEY, b'{"classes": 3}')
    with pytest.raises(DataMissingError, match=f"{tmp_path}/fleet/models/pointer.json is damaged"):
        models.pointer()


@pytest.mark.parametrize("puts", range(4))
def test_a_move_that_is_cut_off_leaves_the_pointer_of_before_or_of_after(
    models: FleetModels, refs: dict[int, VersionRef], monkeypatch: pytest.MonkeyPatch, puts: int
) -> None:
    promote_class(models, CLASS, refs[1], PASSED)
    left = [puts]

    def counted(name: str) -> None:
        whole = getattr(FolderStore, name)

        def stopping(store: FolderStore, key: str, *rest: object) -> None:
            if left[0] == 0:
                raise KilledError
            left[0] -= 1
            whole(store, key, *rest)

        monkeypatch.setattr(FolderStore, name, stopping)

    counted("put")
    counted("update")
    try:
        promote_class(models, CLASS, refs[2], PASSED)
        done = True
    except KilledError:
        done = False
    monkeypatch.undo()
    assert done is (puts >= 2)
    assert in_use(models) == {2 if done else 1}
    assert len(models.journal(CLASS)) == (2 if done else 1)
    promote_class(models, CLASS, refs[2], PASSED)
    rollback_class(models, CLASS, MoveRequest(actor="me", reason="worse"))
    assert in_use(models) == {1}


@given(st.floats(0.01, 0.98), st.floats(0.01, 0.98), st.integers(1, 5))
def test_a_larger_canary_keeps_the_homes_of_a_smaller_one(one: float, other: float, version: int) -> None:
    small, large = sorted((one, other))
    assert all(is_drawn(site, CLASS, version, large) for site in SITES if is_drawn(site, CLASS, version, small))


def test_homes_are_of_one_class_where_tariff_panels_and_form_of_battery_agree() -> None:
    plain = SiteSettings()
    fast = {"capacity_kwh": 10.0, "charge_kw": 10.0, "discharge_kw": 10.0}
    others = {
        "size": SiteSettings.model_validate({"battery": {"capacity_kwh": 60.0, "charge_kw": 14.0}, "area": "SE1"}),
        "fast": SiteSettings.model_validate({"battery": fast}),
        "flat": SiteSettings.model_validate({"has_pv": False}),
        "fees": SiteSettings.model_validate({"tariff": [{"transfer_fee": 0.9}]}),
        "money": SiteSettings.model_validate({"currency": "EUR"}),
    }
    classes = {name: class_of(settings) for name, settings in others.items()}
    assert classes.pop("size") == class_of(plain)
    assert len({class_of(plain), *classes.values()}) == 5
    found = homes_by_class({"b": plain, "a": plain, "c": others["fast"]})
    assert found == dict(sorted({class_of(plain): ["a", "b"], classes["fast"]: ["c"]}.items()))


def test_on_s3_two_that_move_at_once_lose_neither_move(s3_place: str, tmp_path: Path) -> None:
    models = FleetModels(open_store(s3_place), tmp_path / "cache")
    ref = models.add_bundle(bundle_in(tmp_path / "made", 1), 1)
    classes = [f"class{number}" for number in range(6)]
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda name: promote_class(models, name, ref, PASSED), classes))
    assert sorted(models.pointer().classes) == classes
    assert [len(models.journal(name)) for name in classes] == [1] * 6


def test_a_pointer_of_a_newer_release_is_not_called_damaged(models: FleetModels) -> None:
    models.store.put(POINTER_KEY, b'{"schema_version": 2, "classes": {}, "regions": {}}')
    with pytest.raises(ConfigurationError, match=r"of a newer release \(schema 2") as told:
        models.pointer()
    assert told.value.hint == "update Darkstar on this machine"


@pytest.mark.parametrize("data", [b"", b"torn", None], ids=["empty", "damaged", "missing"])
def test_a_move_that_cannot_be_read_is_named_and_the_pointer_holds(
    models: FleetModels, refs: dict[int, VersionRef], data: bytes | None
) -> None:
    promote_class(models, CLASS, refs[1], PASSED)
    (key,) = (each.key for each in models.store.listed("models/moves"))
    if data is None:
        models.store.delete(key)
    else:
        models.store.put(key, data)
    with pytest.raises(DataMissingError, match=key):
        models.journal(CLASS)
    assert in_use(models) == {1}


def test_a_bundle_that_is_gone_is_found_by_the_doctor(models: FleetModels, refs: dict[int, VersionRef]) -> None:
    promote_class(models, CLASS, refs[1], PASSED)
    fresh = FleetModels(models.store, models.cache / "another machine")
    assert pointed_models(fresh).verdict is Verdict.OK
    models.store.delete(f"{refs[1].path}/trees.txt")
    assert pointed_models(FleetModels(models.store, models.cache / "third")).verdict is Verdict.FAIL
