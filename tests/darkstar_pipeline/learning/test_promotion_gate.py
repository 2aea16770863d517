"""Evidence for and against the first version of a site, and against a champion."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
import pytest

from darkstar_pipeline.context import Context
from darkstar_pipeline.learning import promotion_gate
from darkstar_pipeline.learning.splits import Windows
from darkstar_pipeline.policies.trained import TrainedPolicy
from planner.evaluation.verdict import evaluate
from tests.builders.models import context_in

DAYS = tuple(date(2026, 3, 1) + timedelta(days=by) for by in range(40))
WINDOWS = Windows(train=DAYS[:1], validation=DAYS[1:2], test=DAYS)
COSTS = 30 + np.random.default_rng(2).normal(0, 4, len(DAYS))


def named(name: str, version: int) -> TrainedPolicy:
    made: Any = type("Trained", (), {"name": name, "version": version})()
    return cast("TrainedPolicy", made)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return context_in(tmp_path)


def weighed(  # noqa: PLR0913 - a word for each thing that may differ
    context: Context, monkeypatch: pytest.MonkeyPatch, change: float, *, breaches: int = 0, saved: float = 1.0,
    champion: bool = False, last: float = 0.0, charge: float | None = None,
) -> promotion_gate.GateResult:  # fmt: skip
    """The evidence on a challenger whose days differ by so much from what is in use, the last ones by further.

    Where there is a charge, the tenth of its days adds so much to the month's, and 20 that of the champion.
    """
    noise = np.random.default_rng(3).normal(0, 0.05, len(DAYS))
    own = COSTS + change + noise + np.where(np.arange(len(DAYS)) >= len(DAYS) - 7, last, 0.0)
    known = {"idle": COSTS + 9, "mpc": COSTS + 1, "value": COSTS, "oracle": COSTS - 5, "new": own}
    known |= {"champion": COSTS} if champion else {}
    moved = dict.fromkeys(("import_kwh", "export_kwh", "charge_kwh", "discharge_kwh", "peak_kw"), 1.0)
    breach = pl.when((pl.col("policy") == "new") & (pl.col("day") == DAYS[0])).then(breaches).otherwise(0)
    rows = pl.concat(
        pl.DataFrame({"day": DAYS, "policy": name, "cost": costs, **moved}).with_columns(breaches=breach)
        for name, costs in known.items()
    )
    if charge is not None:
        added = pl.when(pl.col("policy") == "new").then(charge).when(pl.col("policy") == "champion").then(20.0)
        rows = rows.with_columns(power_cost=pl.when(pl.col("day") == DAYS[9]).then(added).otherwise(0.0).fill_null(0.0))
    monkeypatch.setattr(promotion_gate, "trained_policy", lambda *_: named("champion", 4) if champion else None)
    monkeypatch.setattr(promotion_gate, "score_on_days", lambda *_: evaluate(rows))
    return promotion_gate.evaluate_challenger(context, named("new", 5), WINDOWS, saved_on_validation=saved)


@pytest.mark.parametrize(
    ("change", "breaches", "saved", "reason"),
    [
        pytest.param(-0.5, 0, 2.0, "first version of the site: saved 2.00 against value", id="cheaper"),
        pytest.param(0.5, 0, 2.0, "dearer than value on the test days by 0.", id="dearer on test"),
        pytest.param(-0.5, 0, 0.0, "saved nothing against value on the validation days (+0.00)", id="nothing saved"),
        pytest.param(-0.5, 3, 2.0, "3 limits exceeded on the test days", id="a breach"),
    ],
)
def test_first_version_replaces_value_only_where_it_saves(
    context: Context, monkeypatch: pytest.MonkeyPatch, change: float, breaches: int, saved: float, reason: str
) -> None:
    found = weighed(context, monkeypatch, change, breaches=breaches, saved=saved)
    assert found.promote is reason.startswith("first version")
    assert found.document["against"] == "value"
    assert found.document["saved_on_validation"] == saved
    assert [stated.startswith(reason) for stated in found.document["reasons"]] == [True], found.document["reasons"]


def test_every_reason_is_reported_when_several_speak_against_the_first_version(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(weighed(context, monkeypatch, 1.0, breaches=1, saved=-1.0).document["reasons"]) == 3


@pytest.mark.parametrize(
    ("change", "last", "breaches", "promote"),
    [
        pytest.param(-0.5, 0.0, 0, True, id="surely cheaper"),
        pytest.param(0.0, 0.0, 0, False, id="the same"),
        pytest.param(-0.5, 2.0, 0, False, id="dear in its shadow period"),
        pytest.param(-0.5, 0.0, 1, False, id="a breach"),
        pytest.param(0.6, 0.0, 0, False, id="two percent dearer"),
    ],
)
def test_champion_is_replaced_on_the_gates_evidence(
    context: Context, monkeypatch: pytest.MonkeyPatch, change: float, last: float, breaches: int, *, promote: bool
) -> None:
    found = weighed(context, monkeypatch, change, breaches=breaches, champion=True, last=last, saved=-9.0)
    assert found.promote is promote, found.document["reasons"]
    assert found.document["against"] == "version 4"
    assert (found.document["days"], found.document["shadow_days"]) == (33, 7)
    assert found.figures["cost_vs_value_pct"] == pytest.approx(100 * (change + last * 7 / 40) / 30, abs=0.3)


@pytest.mark.parametrize(
    ("charge", "champion", "reason"),
    [
        pytest.param(30.0, False, "dearer than value on the test days by 0.", id="first, dear by the charge"),
        pytest.param(10.0, False, "first version of the site", id="first, cheaper all the same"),
        pytest.param(21.0, True, "its bill of the test days is 0.", id="cheaper than the champion, dearer than value"),
        pytest.param(19.0, True, "cheaper by 0.", id="cheaper than both"),
    ],
)
def test_no_version_is_promoted_whose_bill_is_above_that_of_value(
    context: Context, monkeypatch: pytest.MonkeyPatch, charge: float, *, champion: bool, reason: str
) -> None:
    """Forty days at 0.5 less are 20: what the month's charge may add before the bill is above."""
    found = weighed(context, monkeypatch, -0.5, champion=champion, charge=charge)
    assert found.document["reasons"][0].startswith(reason), found.document["reasons"]
    assert found.promote is reason.startswith(("first version", "cheaper"))
