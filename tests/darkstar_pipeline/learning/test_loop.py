"""The whole loop on a small home: trained, evaluated, promoted, retrained, rolled back, by command and by Dagster.

Two state folders live through the same retrain: one from the command line, where a training of each kind stands
already; one as Dagster's job, where everything from the retrain's day on is scrambled and a kill comes between.
"""

import contextlib
import io
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import dagster as dg
import numpy as np
import polars as pl
import pytest
import yaml

from assets.evaluation import MISSING
from assets.forecast_models import AURORA_MODELS, PRICE_MODELS
from assets.learning import LEARNED
from darkstar_pipeline.console.call import run
from darkstar_pipeline.context import Context
from darkstar_pipeline.definitions import build_definitions
from darkstar_pipeline.evaluation import stored_missing_money
from darkstar_pipeline.learning.promotion_gate import evaluate_challenger
from darkstar_pipeline.learning.retrain import Retrain
from darkstar_pipeline.learning.splits import split
from darkstar_pipeline.models.version import reference
from darkstar_pipeline.policies.trained import trained_policy
from darkstar_pipeline.warehouse.schemas import METER_READINGS
from planner.artifacts.bundle import read_bundle
from tests.builders.command_line import Outcome, command_line, environment
from tests.builders.learning_home import (
    AT,
    DAYS,
    LAST,
    SITE,
    learning_context,
    learning_settings,
    measured,
    write_days,
    write_verdicts,
)
from tests.builders.tracking import with_empty_store

# MLflow warns of its own dependencies' changes while it is imported; nothing of ours.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
]
MODEL = "antares-home"
RANGE = ("--from", str(DAYS[7]), "--to", str(DAYS[34]))  # 28 days: 17 to learn from, 7 to choose on
AFTER = (str(AT), str(AT + timedelta(days=1)))
KINDS = ("rl", "lightgbm", "regressors")


class Folder:
    """A working directory of the home, and what was answered there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.context: Context = learning_context(path / "state")
        (path / "darkstar.yaml").write_text(yaml.safe_dump(learning_settings()))

    def darkstar(self, *words: str) -> Outcome:
        """The command line in this directory."""
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patched, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            patched.chdir(self.path)
            for name in ("DARKSTAR_HOME", "DARKSTAR_CONFIG"):
                patched.setenv(name, environment(self.path)[name])
            code = run(command_line(), words)
        return Outcome(code, out.getvalue(), err.getvalue())

    def answer(self, *words: str) -> Any:
        """The document of a call that succeeds."""
        done = self.darkstar(*words, "--json")
        assert done.code == 0, done.err + done.out
        return done.document

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Rows of a small table."""
        return self.answer("query", f"FROM {table}")["rows"]

    def identities(self, trained: dict[str, dict[str, Any]]) -> dict[str, str]:
        """Hashes of the bundles of a retrain, by kind."""
        folder = self.context.home / "models" / SITE / MODEL
        return {kind: read_bundle(folder / f"v{step['version']}").identity for kind, step in trained.items()}


@pytest.fixture(scope="module", autouse=True)
def _own_environment() -> Iterator[None]:
    """No Dagster home and no MLflow server from outside."""
    with pytest.MonkeyPatch.context() as outside:
        for name in ("DAGSTER_HOME", "MLFLOW_TRACKING_URI"):
            outside.delenv(name, raising=False)
        outside.setattr(stored_missing_money, "LAST_DAYS", 2)  # weeks take half a minute, and teach nothing more here
        yield


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder with graded days and their verdicts; it is copied."""
    context = learning_context(with_empty_store(tmp_path_factory, tmp_path_factory.mktemp("lake")))
    write_days(context, measured())
    write_verdicts(context)
    return context.home


@pytest.fixture(scope="module")
def trained(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> "Trained":
    """A directory where each kind was trained by hand and nothing is in use; no test changes it."""
    folder = copied(lake, tmp_path_factory.mktemp("trained"))
    return Trained(folder, {kind: folder.answer("train", kind, *RANGE) for kind in KINDS})


@pytest.fixture(scope="module")
def retrained(trained: "Trained", tmp_path_factory: pytest.TempPathFactory) -> "Trained":
    """A copy of that directory after a retrain from the command line; no test changes it."""
    folder = copied(trained.folder.path / "state", tmp_path_factory.mktemp("retrained"))
    return Trained(folder, folder.answer("retrain", "--at", str(AT)))


class Trained(NamedTuple):
    """A working directory, and what was answered there."""

    folder: Folder
    answer: dict[str, Any]


def copied(state: Path, path: Path) -> Folder:
    """A working directory with a copy of a state folder."""
    shutil.copytree(state, path / "state")
    return Folder(path)


def test_training_makes_versions_runs_and_challengers(trained: Trained) -> None:
    folder, steps = trained
    made = [(steps[kind]["model"], steps[kind]["version"]) for kind in KINDS]
    assert made == [(MODEL, 1), (MODEL, 2), ("regressors-home", 1)]
    for kind, table in zip(KINDS, ("antares_rl_runs", "antares_policy_runs", "antares_training_runs"), strict=True):
        row = next(row for row in folder.rows(table) if row["run_id"] == steps[kind]["run_id"])
        metrics = json.loads(row["metrics"])
        assert metrics["breaches"] == 0
        assert metrics["captured_share"] == steps[kind]["metrics"]["captured_share"]
        assert steps[kind]["validation"] == [str(DAYS[28]), str(DAYS[34])]
        assert steps[kind]["train"] == [str(DAYS[10]), str(DAYS[26])]
    assert all(steps[kind]["metrics"]["cost_vs_value_pct"] < 0 for kind in ("rl", "lightgbm")), "nothing was learned"


@pytest.mark.parametrize("continuous", [(), ("--continuous",)], ids=["daily", "continuous"])
def test_trained_policies_are_measured_beside_the_others(trained: Trained, continuous: tuple[str, ...]) -> None:
    folder, steps = trained
    policies = f"rl,{steps['lightgbm']['policy']},models:/{MODEL}/1,value,champion,oracle"
    found = folder.answer("evaluate", "--from", AFTER[0], "--to", AFTER[1], "--policies", policies, *continuous)
    totals = {row["policy"]: row for row in found["totals"]}
    assert list(totals) == policies.split(",")
    assert {**totals[f"models:/{MODEL}/1"], "policy": "rl"} == totals["rl"]
    assert all(row["cost"] >= totals["oracle"]["cost"] - 1e-6 for row in totals.values())
    assert {row["breaches"] for row in found["days"]} == {0}
    assert {**totals["champion"], "policy": "value"} == totals["value"], "nothing is in use"
    assert totals["rl"]["cost"] != totals["value"]["cost"]
    assert "learned_from" not in found


def test_evaluation_says_which_days_a_policy_has_seen(trained: Trained) -> None:
    folder, steps = trained
    policy = steps["rl"]["policy"]
    for first, last, n_days in ((DAYS[33], DAYS[36], 2), (DAYS[8], DAYS[10], 1)):
        done = folder.darkstar("evaluate", "--from", str(first), "--to", str(last), "--policies", policy, "--json")
        assert done.document["learned_from"] == {policy: n_days}
        assert f"which favours it: {policy} {n_days}" in done.err


@pytest.mark.parametrize(
    ("policy", "code", "name"),
    [
        pytest.param(f"models:/{MODEL}/99", 3, "data_missing", id="no such version"),
        pytest.param("models:/aurora-home/1", 3, "data_missing", id="no forecaster yet"),
        pytest.param("models:/antares-other/1", 2, "configuration", id="another site's"),
    ],
)
def test_evaluation_ends_with_its_code_when_there_is_no_such_policy(
    trained: Trained, policy: str, code: int, name: str
) -> None:
    done = trained.folder.darkstar("evaluate", "--from", AFTER[0], "--to", AFTER[0], "--policies", policy, "--json")
    assert (done.code, done.error["code"]) == (code, name)


def test_retrain_says_so_and_changes_nothing_when_days_are_too_few(trained: Trained) -> None:
    folder = trained.folder
    before = folder.answer("models")
    done = folder.darkstar("retrain", "--at", str(DAYS[9]), "--json")
    assert (done.code, done.document["status"], done.document["champion"]) == (0, "too_little", "value")
    assert "9 usable days are too few" in done.err
    assert folder.answer("models") == before
    assert folder.rows("model_promotions") == []


@pytest.mark.thorough
def test_retrain_promotes_on_evidence_and_leaves_everything_when_repeated(retrained: Trained) -> None:
    folder, answer = retrained
    assert answer["status"] == "promoted", answer["evidence"]
    assert answer["champion"] == f"models:/{MODEL}/{answer['challenger']}"
    assert "first version of the site" in answer["evidence"]["reasons"][0]
    assert answer["figures"]["breaches"] == 0
    assert [row["figure"] for row in answer["drift"]][:2] == ["load_kwh", "pv_kwh"]
    assert answer["windows"]["test"][1] == str(AT - timedelta(days=1))
    before = folder.answer("models")
    missing = folder.rows("missing_money")
    assert str(AT) in {row["local_day"] for row in missing}
    assert folder.answer("retrain", "--at", str(AT)) == answer
    assert folder.answer("models") == before
    assert folder.rows("missing_money") == missing
    moves = [row for row in folder.rows("model_promotions") if row["model"] == MODEL]
    assert [(row["version"], row["action"], row["who"]) for row in moves] == [
        (answer["challenger"], "promote", "retrain")
    ]


@pytest.mark.thorough
def test_gate_decides_when_a_champion_is_in_use(retrained: Trained) -> None:
    folder, answer = retrained
    windows = split([day for day in DAYS if day < AT][-38:], folder.context.site_settings.learning, with_test=True)
    assert str(windows.test[0]) == answer["windows"]["test"][0]
    worse = trained_policy(folder.context, reference(MODEL, 2))
    assert worse is not None
    found = evaluate_challenger(folder.context, worse, windows, saved_on_validation=9.0)
    assert found.document["against"] == f"version {answer['challenger']}"
    assert not found.promote
    assert found.document["reasons"][0].startswith("too few test days: 7")
    assert found.document["breaches"] == 0


@pytest.mark.thorough
def test_rollback_gives_value_back_to_the_byte(retrained: Trained, tmp_path: Path) -> None:
    folder = copied(retrained.folder.path / "state", tmp_path)
    words = ("evaluate", "--from", AFTER[0], "--to", AFTER[1], "--policies", "champion,value", "--json")
    promoted = folder.darkstar(*words)
    assert folder.darkstar("models", "rollback").code == 0
    champion, value = folder.answer(*words[:-1])["totals"]
    assert {**champion, "policy": "value"} == value
    without = folder.darkstar(*words)
    assert folder.darkstar("models", "promote", str(retrained.answer["challenger"])).code == 0
    assert folder.darkstar(*words) == promoted
    assert folder.darkstar("models", "rollback").code == 0
    assert folder.darkstar(*words) == without
    assert without.out != promoted.out


class Killed(Exception):  # noqa: N818 - stands for a signal
    """The process died."""


@pytest.fixture(scope="module")
def job(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Folder, list[dg.ExecuteInProcessResult]]:
    """Another directory, all from the day on scrambled: the weekly job, killed before its last step, and again."""
    path = tmp_path_factory.mktemp("job")
    shutil.copytree(lake, path / "state")
    folder = Folder(path)
    slots = measured()
    rng, later = np.random.default_rng(3), pl.col("local_day") >= AT
    noise = pl.Series(rng.uniform(0, 3, slots.height))
    assert slots.columns[2:] == ["price", "load_kwh", "pv_kwh"]
    dark = {"pv_kwh": (pl.col("pv_kwh") > 0).cast(pl.Float64)}  # PV at night would have the days refused
    scrambled = slots.with_columns(
        pl.when(later).then(noise * dark.get(name, 1.0)).otherwise(name).alias(name) for name in slots.columns[2:]
    )
    write_days(folder.context, scrambled)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Retrain, "champion", _killed)
        killed = weekly(folder)
    return folder, [killed, weekly(folder, "champion")]


def _killed(_: Retrain) -> None:
    raise Killed


def weekly(folder: Folder, *only: str) -> dg.ExecuteInProcessResult:
    """A run of the job as its schedule asks for it; or of some of its assets, as when it is run again."""
    definitions = build_definitions(folder.context.settings, folder.context.home)
    schedule = definitions.resolve_schedule_def("weekly_retrain_schedule")
    night = datetime(AT.year, AT.month, AT.day, 1, 20, tzinfo=UTC)
    monday = dg.build_schedule_context(scheduled_execution_time=night)
    requests = schedule.evaluate_tick(monday).run_requests
    assert requests is not None
    config = {name: op for name, op in requests[0].run_config["ops"].items() if not only or name in only}
    return definitions.resolve_job_def("weekly_retrain").execute_in_process(
        run_config={"ops": config}, raise_on_error=False, asset_selection=[dg.AssetKey(name) for name in only] or None
    )


def metadata(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, Any]]:
    """Return the metadata of each asset of a run."""
    events = result.get_asset_materialization_events()
    materializations = [event.materialization for event in events]
    return {
        each.asset_key.path[-1]: {name: value.value for name, value in each.metadata.items()}
        for each in materializations
    }


@pytest.mark.thorough
def test_weekly_job_says_what_became_of_it_and_goes_on_after_a_kill(
    job: tuple[Folder, list[dg.ExecuteInProcessResult]],
) -> None:
    folder, (killed, whole) = job
    assert not killed.success
    assert set(metadata(killed)) == {AURORA_MODELS, PRICE_MODELS, *LEARNED, MISSING} - {"champion"}
    assert folder.context.lake.read(METER_READINGS, SITE, AT, LAST)["load_kwh"].gt(2).any(), "nothing was scrambled"
    assert whole.success
    first, final = metadata(killed), metadata(whole)
    assert first["challenger"]["status"] == "unfinished"
    assert first["antares_slots"]["days"] == len(DAYS)
    assert first["antares_regressors"]["version"] == 1
    assert final["champion"]["status"] == "promoted"
    assert final["champion"]["champion"] == f"models:/{MODEL}/{first['challenger']['challenger']}"
    assert len([row for row in folder.rows("model_promotions") if row["model"] == MODEL]) == 1


@pytest.mark.thorough
def test_retrain_is_the_same_to_the_byte_wherever_it_runs_and_whatever_comes_after(
    retrained: Trained, job: tuple[Folder, list[dg.ExecuteInProcessResult]]
) -> None:
    folder, answer = retrained
    other = job[0]
    same = other.answer("retrain", "--at", str(AT))
    assert {step["version"] for step in same["trained"].values()} == {1, 2}, "a policy was trained twice"
    assert other.identities(same["trained"]) == folder.identities(answer["trained"])
    assert len(set(folder.identities(answer["trained"]).values())) == 2
    assert same["evidence"] == answer["evidence"]
    assert same["windows"] == answer["windows"]
    assert same["drift"] == answer["drift"]
