"""Overrides outlive a restart, the last of a kind holds, and a damaged file means manual."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from darkstar_pipeline.service.engine.overrides import MAX_OVERRIDES, OverrideError, OverrideStore, asked_reserves
from darkstar_pipeline.service.engine.plan_store import PlanStore
from darkstar_pipeline.service.schemas.overrides import Override, OverrideRequest

NOW = datetime(2025, 10, 26, 12, tzinfo=UTC)


def override(mode: str, minutes: int) -> OverrideRequest:
    return OverrideRequest.model_validate({"mode": mode, "until": (NOW + timedelta(minutes=minutes)).isoformat()})


def test_last_override_of_a_kind_holds_when_several_were_made(tmp_path: Path) -> None:
    store = OverrideStore(tmp_path / "folder" / "wishes.json")
    store.add(override("charge", 60), NOW)
    store.add(override("hold", 30), NOW)
    last = store.add(override("charge", 10), NOW)
    assert [active.mode for active in store.active(NOW)] == ["charge", "hold"]
    again = OverrideStore(store.path)
    assert again.active(NOW) == store.active(NOW)
    assert [active.mode for active in again.active(NOW + timedelta(minutes=20))] == ["hold"]
    assert again.end(last.id)
    assert not again.end(last.id)
    assert [active.mode for active in OverrideStore(store.path).active(NOW)] == ["hold"]


def test_an_override_too_many_is_refused_and_none_is_dropped(tmp_path: Path) -> None:
    store = OverrideStore(tmp_path / "wishes.json")
    kept = OverrideRequest.model_validate({"mode": "hold", "until": (NOW + timedelta(minutes=30)).isoformat()})
    for number in range(MAX_OVERRIDES):
        start = NOW + timedelta(hours=1 + number)
        block = Override(id=f"{number}", since=NOW, mode="hold", start=start, until=start + timedelta(minutes=30))
        store.add_block(block, NOW, store.set_by_hand(NOW))
    before = store.active(NOW)
    with pytest.raises(OverrideError, match=f"there are {MAX_OVERRIDES} blocks"):
        store.add(kept, NOW)
    assert store.active(NOW) == before


@pytest.mark.parametrize("minutes", [0, -1, 31 * 24 * 60 + 1])
def test_override_is_refused_when_its_end_is_invalid(tmp_path: Path, minutes: int) -> None:
    store = OverrideStore(tmp_path / "wishes.json")
    with pytest.raises(OverrideError, match="until"):
        store.add(override("charge", minutes), NOW)
    assert not store.path.exists()


def test_nothing_is_steered_when_the_file_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "wishes.json"
    path.write_text("{")
    store = OverrideStore(path)
    assert not store.automatic
    assert "cannot be read" in store.storage_problem
    store.set_automatic(automatic=True)
    assert OverrideStore(path).automatic
    assert store.storage_problem == store.manual_reason == ""
    assert (tmp_path / "wishes.json.damaged").read_text() == "{"


@pytest.mark.parametrize("automatic", [True, False])
def test_damaged_file_is_put_aside_and_told_until_automatic_mode_is_set(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, *, automatic: bool
) -> None:
    path, earlier, aside = (tmp_path / f"wishes.json{ending}" for ending in ("", ".damaged", ".damaged.2"))
    path.write_text("{")
    earlier.write_text("[")
    store = OverrideStore(path)
    assert store.manual_reason == "", "the storage's problem says it"
    store.add(override("charge", 60), NOW)
    assert (earlier.read_text(), aside.read_text()) == ("[", "{")
    assert aside.name in caplog.messages[0]
    assert store.storage_problem == ""
    for each in (store, OverrideStore(path)):
        assert not each.automatic
        assert aside.name in each.manual_reason
        assert [active.mode for active in each.active(NOW)] == ["charge"]
    store.set_automatic(automatic=automatic)
    for each in (store, OverrideStore(path)):
        assert (each.automatic, each.manual_reason, len(each.active(NOW))) == (automatic, "", 1)
    assert sorted(file.name for file in tmp_path.glob("wishes.json*")) == [path.name, earlier.name, aside.name]


def test_damaged_file_that_cannot_be_put_aside_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "wishes.json"
    path.mkdir()
    store = OverrideStore(path)
    store.add(override("charge", 60), NOW)
    assert path.is_dir()
    assert "cannot be read, so nothing is steered" in store.storage_problem
    assert "cannot be kept" in store.storage_problem
    assert [active.mode for active in store.active(NOW)] == ["charge"]


def test_override_holds_when_the_disk_cannot_store_it(tmp_path: Path) -> None:
    store = OverrideStore(tmp_path / "file" / "wishes.json")
    (tmp_path / "file").write_text("in the way")
    store.set_automatic(automatic=False)
    assert not store.automatic
    assert "cannot be kept" in store.storage_problem


@pytest.mark.parametrize(
    "name", ["", "..", "../wishes", "20251026T120000Z-1a2b3c4", "99999999T000000Z-00000000", "x" * 400]
)
def test_plan_is_not_found_when_its_name_is_none(tmp_path: Path, name: str) -> None:
    store = PlanStore(tmp_path)
    (tmp_path / "2025-10-26").mkdir()
    (tmp_path / "2025-10-26" / "20251026T120000Z-1a2b3c4d.json").write_text("{")
    assert store.find(name) is None
    assert store.find("20251026T120000Z-1a2b3c4d") is None, "damaged"
    assert store.latest(NOW) is None


def test_reserve_is_asked_for_with_its_share_and_its_end(tmp_path: Path) -> None:
    store = OverrideStore(tmp_path / "wishes.json")
    store.add(OverrideRequest(mode="reserve", until=NOW + timedelta(hours=3), reserve_percent=40), NOW)
    store.add(OverrideRequest(mode="vacation", until=NOW + timedelta(hours=9)), NOW)
    again = OverrideStore(tmp_path / "wishes.json")
    (asked,) = asked_reserves(again.active(NOW))
    assert (asked.percent, asked.until) == (40, NOW + timedelta(hours=3))
    assert asked_reserves(again.active(NOW + timedelta(hours=4))) == []


@pytest.mark.parametrize("request_", [{"mode": "reserve"}, {"mode": "charge", "reserve_percent": 40}])
def test_reserve_without_its_share_and_a_share_without_reserve_are_refused(request_: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="reserve_percent"):
        OverrideRequest.model_validate({**request_, "until": NOW.isoformat()})
