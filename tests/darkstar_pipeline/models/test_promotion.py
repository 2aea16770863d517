"""The champion moves whole, back and forth, and a move that was cut off is finished or forgotten."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from darkstar_pipeline.context import MLFLOW_FOLDER, Context
from darkstar_pipeline.errors import ConfigurationError, DataMissingError, OutsideServiceError
from darkstar_pipeline.models import alias_follower, promotion, promotion_journal
from darkstar_pipeline.models.alias_follower import PENDING, alias_is_pending, follow_pointer
from darkstar_pipeline.models.aliases import alias_of
from darkstar_pipeline.models.champion_pointer import POINTER, load_champion, read_pointer
from darkstar_pipeline.models.promotion import NotPromotedError, finish, promote, promote_registered, rollback
from darkstar_pipeline.models.promotion_journal import INTENT
from darkstar_pipeline.models.registry import attach_evidence, list_versions
from darkstar_pipeline.models.version import RegisteredModel
from darkstar_pipeline.tracking.mlflow_store import DATABASE, open_store
from darkstar_pipeline.warehouse.schemas import MODEL_PROMOTIONS
from planner.errors import PolicyMismatchError
from tests.builders.models import bundle_in, context_in
from tests.builders.waiting import until

# MLflow warns of its own dependencies' changes while it is imported; nothing of ours.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

PASSED = {"promote": True, "reasons": ["cheaper"], "difference": -1.5}

WITHOUT_MLFLOW = """
import sys
from pathlib import Path
from darkstar_pipeline.models.champion_pointer import load_champion
from tests.builders.models import context_in
champion = load_champion(context_in(Path(sys.argv[1]), sys.argv[2]))
print(champion.pointer.version, [name for name in ("mlflow", "torch") if name in sys.modules])
"""
BACK = """
import sys
from pathlib import Path
from darkstar_pipeline.models.promotion import rollback
from tests.builders.models import context_in
move = rollback(context_in(Path(sys.argv[1]), sys.argv[2]), actor="test", reason="back")
print(move.version, [name for name in ("mlflow", "torch") if name in sys.modules])
"""
KILLED = """
import os, signal, sys
from pathlib import Path
from darkstar_pipeline.models import promotion, promotion_journal
from tests.builders.models import context_in
module = promotion if hasattr(promotion, sys.argv[3]) else promotion_journal
setattr(module, sys.argv[3], lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
context = context_in(Path(sys.argv[1]), sys.argv[2])
promotion.promote(context, 2, actor="test", reason="killed", evidence={"promote": True})
"""


def folder_of(context: Context) -> Path:
    return RegisteredModel.of(context).folder


def alias(context: Context) -> int | None:
    """The version that MLflow calls champion."""
    client, _ = open_store(context.home)
    return alias_of(client, f"antares-{context.site_name}", "champion")


def moved(context: Context) -> list[tuple[str, int | None, int | None]]:
    rows = context.lake.read(MODEL_PROMOTIONS, context.site_name).to_dicts()
    return [(row["action"], row["version"], row["previous"]) for row in rows]


def contents(context: Context) -> dict[str, bytes]:
    """The champion's files."""
    champion = load_champion(context)
    assert champion is not None
    return {path.name: path.read_bytes() for path in champion.folder.iterdir()}


@pytest.fixture
def two(context: Context, register: Callable[..., int]) -> Context:
    """A site with two versions, the first promoted."""
    register(1)
    register(2)
    promote(context, 1, actor="test", reason="first", evidence=PASSED)
    return context


def test_champion_is_none_when_nothing_was_promoted(context: Context, register: Callable[..., int]) -> None:
    register(1)
    assert load_champion(context) is None


def test_promotion_moves_pointer_alias_and_leaves_a_row(two: Context) -> None:
    move = promote(two, 2, actor="anna", reason="cheaper", evidence=PASSED)
    assert (move.version, move.previous, move.changed, move.alias_moved) == (2, 1, True, True)
    champion = load_champion(two)
    assert champion is not None
    assert champion.pointer.version == 2
    assert champion.bundle.identity == champion.pointer.identity
    assert champion.bundle.files["notes.txt"] == b"seed 2"
    assert alias(two) == 2
    assert moved(two) == [("promote", 1, None), ("promote", 2, 1)]
    last = two.lake.read(MODEL_PROMOTIONS, two.site_name).to_dicts()[-1]
    assert (last["who"], last["why"], json.loads(last["evidence"]), last["forced"]) == (
        "anna",
        "cheaper",
        PASSED,
        False,
    )
    assert last["move_id"] == champion.pointer.move
    assert {each.version: each.aliases for each in list_versions(two)} == {2: ("champion",), 1: ()}


def test_promotion_changes_nothing_when_the_version_is_champion_already(two: Context) -> None:
    before = (folder_of(two) / POINTER).read_bytes()
    move = promote(two, 1, actor="test", reason="again", evidence=PASSED)
    assert (move.version, move.changed) == (1, False)
    assert (folder_of(two) / POINTER).read_bytes() == before
    assert moved(two) == [("promote", 1, None)]


def test_promotion_goes_by_the_registered_evidence(context: Context, register: Callable[..., int]) -> None:
    for seed, evidence in ((1, PASSED), (2, {"promote": False, "reasons": ["dearer"]})):
        attach_evidence(context, f"antares-{context.site_name}", register(seed), evidence)
    assert promote_registered(context, 1, actor="anna", reason=None, force=False).version == 1
    with pytest.raises(NotPromotedError, match="does not carry version 2: dearer"):
        promote_registered(context, 2, actor="anna", reason=None, force=False)
    assert promote_registered(context, 2, actor="anna", reason="try it", force=True).version == 2
    rows = context.lake.read(MODEL_PROMOTIONS, context.site_name).to_dicts()
    assert [(row["why"], row["forced"]) for row in rows] == [("cheaper", False), ("try it", True)]


def test_version_without_evidence_is_promoted_only_where_the_caller_takes_it(
    context: Context, register: Callable[..., int]
) -> None:
    register(1)
    with pytest.raises(NotPromotedError, match="was not judged"):
        promote_registered(context, 1, actor="anna", reason="try it", force=False)
    notes: list[int | None] = []

    def note() -> None:
        pointer = read_pointer(folder_of(context))
        notes.append(None if pointer is None else pointer.version)

    promote_registered(context, 1, actor="anna", reason=None, force=False, on_unevaluated=note)
    assert notes == [None], "called once, before the promotion"
    (row,) = context.lake.read(MODEL_PROMOTIONS, context.site_name).to_dicts()
    assert (row["why"], row["forced"]) == ("by hand, without evidence", True)


def test_rollback_brings_back_the_bundle_byte_for_byte(two: Context) -> None:
    before = contents(two)
    promote(two, 2, actor="test", reason="next", evidence=PASSED)
    assert contents(two) != before
    move = rollback(two, actor="test", reason="worse")
    assert (move.version, move.previous) == (1, 2)
    assert contents(two) == before
    assert alias(two) == 1
    assert moved(two)[-1] == ("rollback", 1, 2)


def test_rollback_ends_at_value_and_then_is_refused(two: Context) -> None:
    move = rollback(two, actor="test", reason="worse than value")
    assert (move.version, move.previous) == (None, 1)
    assert load_champion(two) is None
    assert alias(two) is None
    with pytest.raises(DataMissingError, match="no version in use"):
        rollback(two, actor="test", reason="again")
    assert moved(two) == [("promote", 1, None), ("rollback", None, 1)]


def test_rollback_goes_back_step_by_step(two: Context, register: Callable[..., int]) -> None:
    register(3)
    for version in (2, 3):
        promote(two, version, actor="test", reason="next", evidence=PASSED)
    assert [rollback(two, actor="test", reason="back").version for _ in range(3)] == [2, 1, None]


@pytest.mark.parametrize(
    ("evidence", "message"),
    [
        pytest.param(None, "not judged", id="never judged"),
        pytest.param({"promote": False, "reasons": ["dearer", "breaches"]}, "dearer; breaches", id="judged against"),
        pytest.param({}, "no reason is noted", id="empty"),
        pytest.param({"promote": "yes"}, "no reason is noted", id="not a verdict"),
    ],
)
def test_promotion_is_refused_when_the_evidence_does_not_carry_it(
    two: Context, evidence: dict[str, object] | None, message: str
) -> None:
    with pytest.raises(NotPromotedError, match=message):
        promote(two, 2, actor="test", reason="try", evidence=evidence)
    assert moved(two) == [("promote", 1, None)]
    promote(two, 2, actor="test", reason="I insist", evidence=evidence, force=True)
    assert two.lake.read(MODEL_PROMOTIONS, two.site_name)["forced"].to_list() == [False, True]


@pytest.mark.parametrize("damage", ["tariff", "damaged", "missing"])
def test_promotion_is_refused_when_the_bundle_does_not_fit(two: Context, damage: str) -> None:
    place = folder_of(two) / "v2"
    if damage == "tariff":
        bundle_in(place, two, seed=2, tariff="another")
    elif damage == "damaged":
        (place / "weights.bin").write_bytes(b"other")
    else:
        place.rename(place.with_name("lost"))
    with pytest.raises((PolicyMismatchError, DataMissingError)):
        promote(two, 2, actor="test", reason="try", evidence=PASSED, force=True)
    assert moved(two) == [("promote", 1, None)]
    assert not (folder_of(two) / INTENT).exists()


def test_champion_is_refused_when_its_bundle_is_another(two: Context) -> None:
    bundle_in(folder_of(two) / "v1", two, seed=7)
    with pytest.raises(PolicyMismatchError, match="not the bundle that was promoted"):
        load_champion(two)


def test_pointer_is_refused_with_all_that_is_wrong_when_it_is_damaged(two: Context) -> None:
    (folder_of(two) / POINTER).write_text("{")
    with pytest.raises(ConfigurationError, match="is damaged: the whole file: Invalid JSON"):
        load_champion(two)
    (folder_of(two) / POINTER).write_text('{"version": "x"}')
    with pytest.raises(ConfigurationError, match=r"is damaged: version: .* is no whole number; .*is missing"):
        load_champion(two)
    (folder_of(two) / INTENT).write_text("{")
    with pytest.raises(DataMissingError, match="is damaged: the whole file: Invalid JSON"):
        promote(two, 2, actor="test", reason="next", evidence=PASSED)


STEPS = ["write_pointer", "add_row", "mark_alias_pending", "update_alias"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("action", ["promote", "rollback"])
def test_change_is_whole_after_the_next_call_when_it_was_cut_off(
    two: Context, monkeypatch: pytest.MonkeyPatch, step: str, action: str
) -> None:
    def cut(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    def act() -> None:
        if action == "promote":
            promote(two, 2, actor="test", reason="next", evidence=PASSED)
        else:
            rollback(two, actor="test", reason="back")

    with monkeypatch.context() as patched:
        patched.setattr(promotion if step == "update_alias" else promotion_journal, step, cut)
        with pytest.raises(KeyboardInterrupt):
            act()
    held = step != "write_pointer"
    after = {"promote": 2, "rollback": None}[action] if held else 1
    pointer = read_pointer(folder_of(two))
    assert (None if pointer is None else pointer.version) == after, "serving sees one or the other"
    name = f"antares-{two.site_name}"
    assert finish(two, name)
    assert alias(two) == after
    expected = [("promote", 1, None), *([(action, after, 1)] if held else [])]
    assert moved(two) == expected
    assert not (folder_of(two) / INTENT).exists()
    assert not alias_is_pending(RegisteredModel.of(two))
    assert finish(two, name)
    assert moved(two) == expected, "repairing twice changes nothing"


def test_promotion_holds_when_mlflow_cannot_be_reached(two: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object) -> None:
        raise OutsideServiceError("no server")

    with monkeypatch.context() as patched:
        patched.setattr(alias_follower, "set_champion_alias", unreachable)
        assert not promote(two, 2, actor="test", reason="next", evidence=PASSED).alias_moved
        assert not finish(two, f"antares-{two.site_name}")
    champion = load_champion(two)
    assert champion is not None
    assert champion.pointer.version == 2
    assert alias(two) == 1
    assert promote(two, 2, actor="test", reason="again", evidence=PASSED).alias_moved
    assert alias(two) == 2
    assert moved(two) == [("promote", 1, None), ("promote", 2, 1)]


def test_promotion_holds_when_no_process_can_be_started(two: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "mlflow")
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    move = promote(two, 2, actor="test", reason="next", evidence=PASSED)
    assert (move.version, move.alias_moved) == (2, False)
    assert alias_is_pending(RegisteredModel.of(two))


def test_alias_follows_a_pointer_that_changes_while_it_is_set(two: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    model, set_alias, versions = RegisteredModel.of(two), alias_follower.set_champion_alias, list[int | None]()

    def set_slowly(model: RegisteredModel, version: int | None) -> None:
        versions.append(version)
        set_alias(model, version)
        if version == 2:
            rollback(two, actor="test", reason="meanwhile")

    with monkeypatch.context() as patched:
        patched.setattr(promotion, "update_alias", lambda _: False)
        promote(two, 2, actor="test", reason="next", evidence=PASSED)
        patched.setattr(alias_follower, "set_champion_alias", set_slowly)
        assert follow_pointer(model)
    assert versions == [2, 1]
    assert alias(two) == 1
    assert not alias_is_pending(model)


def test_intent_of_version_01_is_completed(two: Context) -> None:
    """A promotion that version 0.1 had begun when it was killed, as that version wrote it down."""
    model = RegisteredModel.of(two)
    pointer = json.loads((model.folder / POINTER).read_text())
    intent = {
        "move": "0f6b2c9a4d1e8f37",
        "action": "promote",
        "after": pointer,
        "previous": None,
        "who": "anna",
        "why": "cheaper",
        "evidence": '{"promote": true}',
        "forced": False,
        "at": "2026-11-20T03:00:00Z",
    }
    (model.folder / INTENT).write_text(json.dumps(intent, indent=1))
    assert finish(two, model.name)
    rows = {row["move_id"]: row for row in two.lake.read(MODEL_PROMOTIONS, two.site_name).to_dicts()}
    row = rows["0f6b2c9a4d1e8f37"]
    assert (row["who"], row["why"], row["version"]) == ("anna", "cheaper", 1)
    assert not (model.folder / INTENT).exists()


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
def test_change_is_whole_after_the_next_call_when_its_process_was_killed(two: Context, root: Path, step: str) -> None:
    words = [str(two.home), two.site_name, step]
    killed = subprocess.run([sys.executable, "-W", "ignore", "-c", KILLED, *words], cwd=root, check=False)
    assert killed.returncode == -signal.SIGKILL
    promote(two, 2, actor="test", reason="again", evidence=PASSED)
    assert alias(two) == 2
    assert moved(two) == [("promote", 1, None), ("promote", 2, 1)]


def test_champion_is_read_without_mlflow_and_torch(two: Context, root: Path) -> None:
    words = [str(two.home), two.site_name]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_MLFLOW, *words], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout == "1 []\n"


def test_aliases_follow_promotion_and_rollback(two: Context) -> None:
    client, _ = open_store(two.home)
    assert alias_of(client, f"antares-{two.site_name}", "challenger") == 2
    promote(two, 2, actor="test", reason="next", evidence=PASSED)
    assert (alias(two), alias_of(client, f"antares-{two.site_name}", "challenger")) == (2, None)
    rollback(two, actor="test", reason="back")
    assert alias(two) == 1
    rollback(two, actor="test", reason="back")
    assert alias(two) is None
    assert [each.version for each in list_versions(two)] == [2, 1]


def test_nothing_is_pending_when_there_is_no_store(two: Context, tmp_path: Path) -> None:
    elsewhere = context_in(tmp_path / "other", two.site_name)
    bundle_in(folder_of(elsewhere) / "v1", elsewhere)
    assert promote(elsewhere, 1, actor="test", reason="first", evidence=PASSED).alias_moved
    assert not (folder_of(elsewhere) / PENDING).exists()


def test_rollback_does_not_import_mlflow_and_the_alias_follows(two: Context, root: Path, tmp_path: Path) -> None:
    (tmp_path / "mlflow.py").write_text("raise SystemExit('a file of the working folder was imported')")
    words = [str(two.home), two.site_name]
    done = subprocess.run(
        [sys.executable, "-P", "-c", BACK, *words],
        cwd=tmp_path,  # of which nothing is to be imported by the process in the background
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "None []\n"
    until(lambda: not alias_is_pending(RegisteredModel.of(two)), "the alias follows", seconds=120)
    assert alias(two) is None


@pytest.mark.parametrize("damage", ["text", "half", "empty", "locked", "gone"])
def test_pointer_moves_both_ways_whatever_became_of_mlflow(
    two: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    monkeypatch.setattr("darkstar_pipeline.tracking.mlflow_store.LOCKED_SECONDS", 0.2)  # waited for at every step
    shutil.copytree(two.home, tmp_path / "state")
    context = context_in(tmp_path / "state", two.site_name)
    store = context.home / MLFLOW_FOLDER / DATABASE
    with closing(sqlite3.connect(store, isolation_level=None)) as other:
        if damage == "locked":
            other.execute("BEGIN EXCLUSIVE")
        elif damage == "gone":
            shutil.rmtree(store.parent)
        else:
            content = store.read_bytes()
            half = content[:4096] + bytes(len(content) - 4096)
            store.write_bytes({"text": b"no database" * 999, "half": half, "empty": b""}[damage])
        name = f"antares-{context.site_name}"
        move = promote_registered(context, 2, actor="test", reason="next", force=True, name=name)
        assert (move.version, move.changed) == (2, True)
        assert rollback(context, actor="test", reason="back", name=name).version == 1
        assert promote_registered(context, 2, actor="test", reason="again", force=True, name=name).version == 2
    assert moved(context)[-3:] == [("promote", 2, 1), ("rollback", 1, 2), ("promote", 2, 1)]


def test_evidence_counts_when_mlflow_cannot_tell_it(two: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"antares-{two.site_name}"
    attach_evidence(two, name, 2, {"promote": False, "reasons": ["dearer"]})

    def unreachable(*_: object) -> None:
        raise OutsideServiceError("no server")

    monkeypatch.setattr(promotion, "find_version", unreachable)
    with pytest.raises(NotPromotedError, match="dearer"):
        promote_registered(two, 2, actor="test", reason=None, force=False, name=name)


def test_pointer_moves_on_when_the_lake_does_not_take_its_row(two: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(promotion_journal, "add_row", full)
        assert promote(two, 2, actor="test", reason="next", evidence=PASSED).version == 2
        assert rollback(two, actor="test", reason="back").version == 1
    assert moved(two) == [("promote", 1, None)]
    assert promotion_journal.has_unfinished_change(RegisteredModel.of(two))
    assert finish(two, f"antares-{two.site_name}")
    assert sorted(moved(two)[1:]) == [("promote", 2, 1), ("rollback", 1, 2)]
    assert not promotion_journal.has_unfinished_change(RegisteredModel.of(two))
