"""The champion moves whole, back and forth, and a move that was cut off is finished or forgotten."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import ConfigurationError, DataMissingError, OutsideServiceError
from darkstar_pipeline.models import aliases, promotion, sqlite_aliases
from darkstar_pipeline.models.aliases import alias_of
from darkstar_pipeline.models.champion_pointer import POINTER, load_champion, read_pointer
from darkstar_pipeline.models.promotion import INTENT, NotPromotedError, promote, rollback
from darkstar_pipeline.models.registry import list_versions
from darkstar_pipeline.models.sqlite_aliases import move_local_champion
from darkstar_pipeline.models.version import RegisteredModel
from darkstar_pipeline.tracking.mlflow_store import open_store
from darkstar_pipeline.warehouse.schemas import MODEL_PROMOTIONS
from planner.errors import PolicyMismatchError
from tests.builders.models import bundle_in

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
move = rollback(context_in(Path(sys.argv[1]), sys.argv[2]), who="test", why="back")
print(move.version, move.settled, [name for name in ("mlflow", "torch") if name in sys.modules])
"""
KILLED = """
import os, signal, sys
from pathlib import Path
from darkstar_pipeline.models import promotion
from tests.builders.models import context_in
setattr(promotion, sys.argv[3], lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
promotion.promote(context_in(Path(sys.argv[1]), sys.argv[2]), 2, who="test", why="killed", evidence={"promote": True})
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
    promote(context, 1, who="test", why="first", evidence=PASSED)
    return context


def test_champion_is_none_when_nothing_was_promoted(context: Context, register: Callable[..., int]) -> None:
    register(1)
    assert load_champion(context) is None


def test_promotion_moves_pointer_alias_and_leaves_a_row(two: Context) -> None:
    move = promote(two, 2, who="anna", why="cheaper", evidence=PASSED)
    assert (move.version, move.previous, move.changed, move.settled) == (2, 1, True, True)
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
    move = promote(two, 1, who="test", why="again", evidence=PASSED)
    assert (move.version, move.changed) == (1, False)
    assert (folder_of(two) / POINTER).read_bytes() == before
    assert moved(two) == [("promote", 1, None)]


def test_rollback_brings_back_the_bundle_byte_for_byte(two: Context) -> None:
    before = contents(two)
    promote(two, 2, who="test", why="next", evidence=PASSED)
    assert contents(two) != before
    move = rollback(two, who="test", why="worse")
    assert (move.version, move.previous) == (1, 2)
    assert contents(two) == before
    assert alias(two) == 1
    assert moved(two)[-1] == ("rollback", 1, 2)


def test_rollback_ends_at_value_and_then_is_refused(two: Context) -> None:
    move = rollback(two, who="test", why="worse than value")
    assert (move.version, move.previous) == (None, 1)
    assert load_champion(two) is None
    assert alias(two) is None
    with pytest.raises(DataMissingError, match="no version in use"):
        rollback(two, who="test", why="again")
    assert moved(two) == [("promote", 1, None), ("rollback", None, 1)]


def test_rollback_goes_back_step_by_step(two: Context, register: Callable[..., int]) -> None:
    register(3)
    for version in (2, 3):
        promote(two, version, who="test", why="next", evidence=PASSED)
    assert [rollback(two, who="test", why="back").version for _ in range(3)] == [2, 1, None]


@pytest.mark.parametrize(
    ("evidence", "told"),
    [
        pytest.param(None, "not judged", id="never judged"),
        pytest.param({"promote": False, "reasons": ["dearer", "breaches"]}, "dearer; breaches", id="judged against"),
        pytest.param({}, "no reason is noted", id="empty"),
        pytest.param({"promote": "yes"}, "no reason is noted", id="not a verdict"),
    ],
)
def test_promotion_is_refused_when_the_evidence_does_not_carry_it(
    two: Context, evidence: dict[str, object] | None, told: str
) -> None:
    with pytest.raises(NotPromotedError, match=told):
        promote(two, 2, who="test", why="try", evidence=evidence)
    assert moved(two) == [("promote", 1, None)]
    promote(two, 2, who="test", why="I insist", evidence=evidence, force=True)
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
        promote(two, 2, who="test", why="try", evidence=PASSED, force=True)
    assert moved(two) == [("promote", 1, None)]
    assert not (folder_of(two) / INTENT).exists()


def test_champion_is_refused_when_its_bundle_is_another(two: Context) -> None:
    bundle_in(folder_of(two) / "v1", two, seed=7)
    with pytest.raises(PolicyMismatchError, match="not the bundle that was promoted"):
        load_champion(two)


def test_pointer_is_refused_when_it_is_damaged(two: Context) -> None:
    (folder_of(two) / POINTER).write_text("{")
    with pytest.raises(ConfigurationError, match="is damaged"):
        load_champion(two)


@pytest.mark.parametrize("step", ["write_pointer", "add_row", "point_aliases"])
@pytest.mark.parametrize("action", ["promote", "rollback"])
def test_move_is_whole_after_the_next_call_when_it_was_cut_off(
    two: Context, monkeypatch: pytest.MonkeyPatch, step: str, action: str
) -> None:
    def cut(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    def act() -> None:
        if action == "promote":
            promote(two, 2, who="test", why="next", evidence=PASSED)
        else:
            rollback(two, who="test", why="back")

    with monkeypatch.context() as patched:
        patched.setattr(promotion, step, cut)
        with pytest.raises(KeyboardInterrupt):
            act()
    held = step != "write_pointer"
    after = {"promote": 2, "rollback": None}[action] if held else 1
    pointer = read_pointer(folder_of(two))
    assert (None if pointer is None else pointer.version) == after, "serving sees one or the other"
    promotion.settle(two, RegisteredModel.of(two))
    assert alias(two) == after
    expected = [("promote", 1, None), *([(action, after, 1)] if held else [])]
    assert moved(two) == expected
    assert not (folder_of(two) / INTENT).exists()
    promotion.settle(two, RegisteredModel.of(two))
    assert moved(two) == expected, "mending twice changes nothing"


def test_move_holds_when_mlflow_cannot_be_reached(two: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object) -> None:
        raise OutsideServiceError("no server")

    with monkeypatch.context() as patched:
        patched.setattr(promotion, "point_aliases", unreachable)
        assert not promote(two, 2, who="test", why="next", evidence=PASSED).settled
    champion = load_champion(two)
    assert champion is not None
    assert champion.pointer.version == 2
    assert alias(two) == 1
    assert promote(two, 2, who="test", why="again", evidence=PASSED).settled
    assert alias(two) == 2
    assert moved(two) == [("promote", 1, None), ("promote", 2, 1)]


@pytest.mark.slow
@pytest.mark.parametrize("step", ["write_pointer", "add_row", "point_aliases"])
def test_move_is_whole_after_the_next_call_when_its_process_was_killed(two: Context, root: Path, step: str) -> None:
    words = [str(two.home), two.site_name, step]
    killed = subprocess.run([sys.executable, "-W", "ignore", "-c", KILLED, *words], cwd=root, check=False)
    assert killed.returncode == -signal.SIGKILL
    promote(two, 2, who="test", why="again", evidence=PASSED)
    assert alias(two) == 2
    assert moved(two) == [("promote", 1, None), ("promote", 2, 1)]


def test_champion_is_read_without_mlflow_and_torch(two: Context, root: Path) -> None:
    words = [str(two.home), two.site_name]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_MLFLOW, *words], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout == "1 []\n"


@pytest.mark.parametrize("local", ["known", "another schema", "no such table"])
def test_alias_follows_whichever_way_it_is_moved(two: Context, monkeypatch: pytest.MonkeyPatch, local: str) -> None:
    client, _ = open_store(two.home)
    name = f"antares-{two.site_name}"
    if local == "another schema":
        monkeypatch.setattr(sqlite_aliases, "SCHEMA", "of another release")
    elif local == "no such table":
        monkeypatch.setattr(aliases, "local_database", lambda home: home / "mlflow" / ".setup.lock")
    assert alias_of(client, name, "challenger") == 2
    promote(two, 2, who="test", why="next", evidence=PASSED)
    assert (alias(two), alias_of(client, name, "challenger")) == (2, None)
    rollback(two, who="test", why="back")
    assert alias(two) == 1
    rollback(two, who="test", why="back")
    assert alias(two) is None
    assert [each.version for each in list_versions(two)] == [2, 1]


def test_local_store_is_left_alone_when_it_lacks_the_version(two: Context) -> None:
    database = two.home / "mlflow" / "mlflow.db"
    assert not move_local_champion(database, f"antares-{two.site_name}", 9)
    assert not move_local_champion(two.home / "nothing.db", f"antares-{two.site_name}", 1)
    assert alias(two) == 1


def test_rollback_does_not_import_mlflow_when_the_store_is_local(two: Context, root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BACK, str(two.home), two.site_name],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "None True []\n"
    assert alias(two) is None


def test_rollback_is_quick(two: Context) -> None:
    started = time.perf_counter()
    rollback(two, who="test", why="back")
    assert time.perf_counter() - started < 10
