import shutil
from pathlib import Path

import pytest
import yaml

from darkstar_pipeline.models.champion_pointer import POINTER
from darkstar_pipeline.models.registry import attach_evidence, register_model
from planner.artifacts.bundle import Manifest, save_bundle
from tests.builders.command_line import Darkstar, environment
from tests.builders.models import bundle_in, context_in, training
from tests.builders.tracking import with_empty_store

# MLflow warns of its own dependencies' changes while it is imported; nothing of ours.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

SITES = ("empty", "listed", "gated", "forced", "back", "torn", "weather", "new")
PASSED = {"promote": True, "reasons": ["cheaper by 1 a day"]}
FAILED = {"promote": False, "reasons": ["dearer", "limits were exceeded in 2 slots"]}


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with a site a test: two versions each, the first with evidence that passes."""
    folder = tmp_path_factory.mktemp("homes")
    with_empty_store(tmp_path_factory, folder / "state")
    (folder / "darkstar.yaml").write_text(yaml.safe_dump({"sites": {site: {} for site in SITES}}))
    with pytest.MonkeyPatch.context() as patched:
        patched.delenv("MLFLOW_TRACKING_URI", raising=False)
        fresh = context_in(folder / "state", "new")
        bundle_in(folder / "made", fresh)
        register_model(fresh, folder / "made", training())
        for site in SITES[1:-2]:
            context = context_in(folder / "state", site)
            for seed, evidence in ((1, PASSED), (2, FAILED)):
                bundle_in(folder / "made", context, seed=seed)
                attach_evidence(
                    context, f"antares-{site}", register_model(context, folder / "made", training()), evidence
                )
    return folder


@pytest.fixture(autouse=True)
def in_homes(homes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls work in that directory."""
    monkeypatch.chdir(homes)
    for name in ("DARKSTAR_HOME", "DARKSTAR_CONFIG"):
        monkeypatch.setenv(name, environment(homes)[name])
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def test_models_are_none_and_value_is_champion_when_nothing_was_trained(darkstar: Darkstar) -> None:
    done = darkstar("models", "--site", "empty", "--json")
    assert (done.code, done.document) == (0, {"site": "empty", "champion": "value", "versions": []})
    assert "champion: value" in darkstar("models", "--site", "empty").out


def test_models_tell_what_speaks_for_each(darkstar: Darkstar) -> None:
    done = darkstar("models", "--site", "listed", "--json")
    second, first = done.document["versions"]
    assert (first["version"], first["kind"], first["aliases"]) == (1, "rl", [])
    assert (second["version"], second["aliases"], second["evidence"]) == (2, ["challenger"], FAILED)
    assert (first["captured_share"], first["cost_vs_mpc"], first["window"]) == (0.985, -3.5, "2026-01-01 to 2026-02-28")
    drawn = darkstar("models", "--site", "listed").out
    assert "98.5 %" in drawn
    assert "dearer; limits were exceeded in 2 slots" in drawn


@pytest.mark.parametrize(
    ("details", "weather"), [({"weather": "12 days as forecast at the time"}, "12 days"), ({}, "none")]
)
def test_models_say_which_weather_an_aurora_learned_from(
    darkstar: Darkstar, homes: Path, details: dict[str, object], weather: str
) -> None:
    context = context_in(homes / "state", "weather")
    manifest = Manifest(kind="aurora", algorithm="lightgbm", details=details)
    save_bundle(homes / "aurora", manifest, {"weights.bin": str(details).encode()})
    version = register_model(context, homes / "aurora", training(), name="aurora-weather")
    rows = darkstar("models", "--site", "weather", "--json").document["versions"]
    assert weather in next(row["weather"] for row in rows if row["version"] == version)
    drawn = darkstar("models", "--site", "weather").out
    assert f"aurora-weather {version} learned from weather: {weather}" in drawn


def test_promotion_is_refused_with_the_reason_when_the_gate_does_not_carry_it(darkstar: Darkstar) -> None:
    done = darkstar("models", "promote", "2", "--site", "gated", "--json")
    assert (done.code, done.error["code"]) == (3, "not_promoted")
    assert "dearer; limits were exceeded in 2 slots" in done.error["message"]
    assert "--force" in done.error["hint"]
    assert darkstar("models", "--site", "gated", "--json").document["champion"] == "value"


def test_promotion_happens_when_somebody_insists_and_says_why(darkstar: Darkstar) -> None:
    refused = darkstar("models", "promote", "2", "--site", "forced", "--force", "--json")
    assert (refused.code, refused.error["code"]) == (2, "usage")
    done = darkstar("models", "promote", "2", "--site", "forced", "--force", "--why", "my house", "--json")
    promotion = {"model": "antares-forced", "action": "promote", "version": 2, "previous": None, "changed": True}
    assert (done.code, done.document) == (0, {**promotion, "alias_moved": True})
    sql = "SELECT action, version, why, forced FROM model_promotions WHERE site = 'forced'"
    rows = darkstar("query", sql, "--json").document["rows"]
    assert rows == [{"action": "promote", "version": 2, "why": "my house", "forced": True}]


def test_promotion_by_hand_is_noted_when_nobody_judged_the_version(darkstar: Darkstar) -> None:
    done = darkstar("models", "promote", "1", "--site", "new", "--json")
    assert (done.code, done.document["version"]) == (0, 1)
    assert "never evaluated" in done.err
    rows = darkstar("query", "SELECT why, forced FROM model_promotions WHERE site = 'new'", "--json").document["rows"]
    assert rows == [{"why": "by hand, without evidence", "forced": True}]


def test_rollback_brings_back_the_version_before_and_then_value(darkstar: Darkstar, homes: Path) -> None:
    site = ("--site", "back")
    assert darkstar("models", "promote", "models:/antares-back/1", *site).out == (
        "antares-back: version 1 is in use; before: none\n"
    )
    assert darkstar("models", "promote", "2", *site, "--force", "--why", "try").code == 0
    listed = darkstar("models", *site, "--json").document
    assert listed["champion"] == "models:/antares-back/2"
    assert [row["aliases"] for row in listed["versions"]] == [["champion"], []]
    cleared = homes / "state" / "models" / "back" / "antares-back" / "v1"
    before = {path.name: path.read_bytes() for path in cleared.iterdir()}
    shutil.rmtree(cleared)
    assert darkstar("models", "rollback", *site).out == "antares-back: version 1 is in use; before: version 2\n"
    assert {path.name: path.read_bytes() for path in cleared.iterdir()} == before
    assert darkstar("models", "rollback", *site).out == (
        "antares-back: no version is in use, so value decides; before: version 1\n"
    )
    done = darkstar("models", "rollback", *site, "--json")
    assert (done.code, done.error["code"]) == (3, "data_missing")


@pytest.mark.parametrize(
    ("words", "code", "name"),
    [
        pytest.param(("promote", "9"), 3, "data_missing", id="no such version"),
        pytest.param(("promote", "newest"), 2, "configuration", id="no version"),
        pytest.param(("promote", "models:/antares-back/1"), 2, "configuration", id="another site's"),
        pytest.param(("promote",), 2, "usage", id="nothing named"),
        pytest.param(("rollback", "--model", "aurora"), 3, "data_missing", id="nothing in use"),
        pytest.param(("burn",), 2, "usage", id="unknown command"),
    ],
)
def test_models_end_with_their_code_when_they_cannot(
    darkstar: Darkstar, words: tuple[str, ...], code: int, name: str
) -> None:
    done = darkstar("models", *words, *(() if words == ("burn",) else ("--site", "listed")), "--json")
    assert (done.code, done.error["code"]) == (code, name)


def test_models_say_so_when_the_pointer_is_damaged(darkstar: Darkstar, homes: Path) -> None:
    (homes / "state" / "models" / "torn" / "antares-torn" / POINTER).write_text("{}")
    done = darkstar("models", "--site", "torn", "--json")
    assert (done.code, done.error["code"]) == (2, "configuration")
    assert "is damaged" in done.error["message"]
