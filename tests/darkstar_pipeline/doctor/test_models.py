import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.config.learning import LearningSettings
from darkstar_pipeline.context import Context
from darkstar_pipeline.doctor import CheckResult, Verdict
from darkstar_pipeline.doctor.models import check_aliases, check_models, days_needed
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.learning.splits import split
from darkstar_pipeline.models.alias_follower import PENDING
from darkstar_pipeline.models.champion_pointer import Pointer, write_pointer
from darkstar_pipeline.models.version import RegisteredModel, retrains_folder
from darkstar_pipeline.warehouse.schemas import DATA_QUALITY_DAILY
from env.time_grid import days_between
from tests.builders.models import SITE, bundle_in, context_in

NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
TODAY = NOW.date()


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return context_in(tmp_path)


def found(context: Context) -> CheckResult:
    return check_models(context.settings, context.home, SITE, NOW)


def use(context: Context, *, days_ago: int = 1, tariff: str | None = None) -> Path:
    """Put a version into use; its folder."""
    folder = RegisteredModel.of(context).folder
    bundle = bundle_in(folder / "v3", context, tariff=tariff)
    at = NOW - timedelta(days=days_ago)
    write_pointer(
        folder, Pointer(version=3, identity=bundle.identity, path="v3", model="antares-home", move="m", at=at)
    )
    return folder / "v3"


def report(context: Context, at: date, status: str = "kept") -> Path:
    folder = retrains_folder(context)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{at}-0123.json"
    path.write_text(json.dumps({"at": at.isoformat(), "status": status}))
    return path


def grade(context: Context, n_days: int) -> None:
    days = list(days_between(TODAY - timedelta(days=n_days), TODAY - timedelta(days=1)))
    rows = pl.DataFrame({"day": days}).with_columns(
        pl.lit({"site": SITE, "status": "clean"}.get(name, 0 if dtype.is_numeric() else ""), dtype=dtype).alias(name)
        for name, dtype in DATA_QUALITY_DAILY.schema.items()
        if name != "day"
    )
    context.lake.write_days(DATA_QUALITY_DAILY, SITE, days, rows.select(DATA_QUALITY_DAILY.schema.names()))


def test_check_models_is_content_when_the_home_is_young(context: Context) -> None:
    grade(context, 10)
    assert found(context).verdict is Verdict.OK
    assert "value decides, no retrain ever ran, 10 usable days of about 32" in found(context).detail


def test_check_models_says_retrain_when_none_ever_ran(context: Context) -> None:
    grade(context, 40)
    assert found(context).verdict is Verdict.WARN
    assert found(context).remedy.startswith("darkstar retrain")


def test_check_models_is_content_when_a_retrain_kept_value(context: Context) -> None:
    grade(context, 40)
    report(context, TODAY)
    assert found(context).verdict is Verdict.OK
    assert "last retrain as of 2026-04-01: kept" in found(context).detail


@pytest.mark.parametrize("in_use", [False, True], ids=["value", "a version"])
def test_check_models_says_go_on_when_a_retrain_stopped_on_its_way(context: Context, in_use) -> None:
    grade(context, 40)
    if in_use:
        use(context)
    report(context, TODAY - timedelta(days=9))
    report(context, TODAY - timedelta(days=2), "unfinished")
    assert found(context).verdict is Verdict.WARN
    assert found(context).remedy == "darkstar retrain --at 2026-03-30"


@pytest.mark.parametrize(
    ("champion", "retrain", "verdict"),
    [
        pytest.param(1, None, Verdict.OK, id="young"),
        pytest.param(30, None, Verdict.OK, id="thirty days"),
        pytest.param(31, None, Verdict.WARN, id="old, never tried again"),
        pytest.param(90, 31, Verdict.WARN, id="old, not tried lately"),
        pytest.param(90, 7, Verdict.OK, id="old, and still the best"),
    ],
)
def test_check_models_warns_when_nothing_was_tried_for_a_month(
    context: Context, champion: int, retrain: int | None, verdict: Verdict
) -> None:
    use(context, days_ago=champion)
    if retrain is not None:
        report(context, TODAY - timedelta(days=retrain))
    assert found(context).verdict is verdict
    assert "version 3 (rl) decides since" in found(context).detail


def test_check_models_fails_when_the_pointer_is_damaged(context: Context) -> None:
    use(context)
    (RegisteredModel.of(context).folder / "champion.json").write_text("{}")
    assert found(context).verdict is Verdict.FAIL
    assert "darkstar models promote" in found(context).remedy


def test_check_models_fails_when_the_bundle_is_not_whole(context: Context) -> None:
    (use(context) / "weights.bin").write_bytes(b"other")
    assert found(context).verdict is Verdict.FAIL
    assert "weights.bin is not the file" in found(context).detail


def test_check_models_fails_when_the_tariff_is_another(context: Context) -> None:
    use(context, tariff="another")
    assert found(context).verdict is Verdict.FAIL
    assert "trained under tariff another" in found(context).detail
    assert found(context).remedy.startswith("darkstar train")


def test_check_models_reads_the_others_when_a_report_is_damaged(context: Context) -> None:
    use(context, days_ago=90)
    report(context, TODAY - timedelta(days=3))
    report(context, TODAY).write_text("[1")
    assert "last retrain as of 2026-03-29" in found(context).detail


@pytest.mark.parametrize(
    "rules", [LearningSettings(), LearningSettings(least_train_days=30, gap_days=3)], ids=["default", "more"]
)
def test_days_needed_are_hardly_too_many_when_split(rules: LearningSettings) -> None:
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(days_needed(rules))]
    assert len(split(days, rules, with_test=True).train) >= rules.least_train_days
    with pytest.raises(DataMissingError):
        split(days[:-4], rules, with_test=True)


def test_check_aliases_warns_when_the_alias_lags(context: Context) -> None:
    use(context)
    assert check_aliases(context.home, SITE) == []
    (RegisteredModel.of(context).folder / PENDING).touch()
    (warning,) = check_aliases(context.home, SITE)
    assert (warning.verdict, warning.remedy) == (Verdict.WARN, "darkstar models")
    assert "antares-home lags" in warning.detail
