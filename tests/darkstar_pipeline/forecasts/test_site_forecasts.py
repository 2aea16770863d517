from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import ConfigurationError, DataMissingError
from darkstar_pipeline.forecasts.site_forecasts import naive_site_forecasts, site_forecasts
from darkstar_pipeline.forecasts.training import TrainedAurora
from darkstar_pipeline.models.champion_pointer import read_pointer, write_pointer
from darkstar_pipeline.warehouse.schemas import METER_READINGS, SLOT_FORECASTS
from env.time_grid import day_start
from planner.forecasts.aurora_model import MODEL_VERSION
from tests.builders.month_home import FIRST, LAST, month_context
from tests.darkstar_pipeline.forecasts.conftest import AFTER, LEARNED, folder_of, promote


def test_forecasts_are_auroras_quantiles_when_the_day_comes_after_what_it_learned_from(promoted: Context) -> None:
    made = site_forecasts(promoted, AFTER)
    assert made["model_version"].unique().to_list() == [f"{MODEL_VERSION}_v3"]
    assert made["quantile"].unique().sort().to_list() == [0.1, 0.5, 0.9]
    assert made["local_day"].unique().sort().to_list() == AFTER
    assert made.height == 3 * 192 * len(AFTER)
    stored = made.with_columns(pl.lit("home").alias("site"))
    promoted.lake.write_days(SLOT_FORECASTS, "home", AFTER, stored)


@pytest.mark.parametrize("day", [FIRST + timedelta(days=10), LEARNED], ids=["inside", "its last day"])
def test_forecasts_are_naive_and_say_so_when_the_model_has_seen_the_day(promoted: Context, day: date) -> None:
    made = site_forecasts(promoted, [day, AFTER[0]])
    versions = dict(made.select("local_day", "model_version").unique().iter_rows())
    assert versions == {day: "naive_mean_7_3", AFTER[0]: f"{MODEL_VERSION}_v3"}
    assert made.filter(pl.col("local_day") == day).equals(naive_site_forecasts(promoted, [day]))


def test_forecasts_are_of_the_version_before_when_the_one_in_use_has_seen_the_day(
    tmp_path: Path, trained: TrainedAurora
) -> None:
    context = month_context(tmp_path)
    promote(context, trained, 4, 3)
    later = replace(trained, provenance=replace(trained.provenance, last_day=AFTER[1]))
    folder = folder_of(context)
    pointer = read_pointer(folder)
    assert pointer is not None
    identity = later.save(folder / "v4").identity
    write_pointer(folder, pointer.model_copy(update={"identity": identity}))
    made = site_forecasts(context, AFTER)
    versions = dict(made.select("local_day", "model_version").unique().iter_rows())
    assert versions == {
        AFTER[0]: f"{MODEL_VERSION}_v3",
        AFTER[1]: f"{MODEL_VERSION}_v3",
        AFTER[2]: f"{MODEL_VERSION}_v4",
    }


def test_forecasts_are_the_same_when_the_range_is_cut(promoted: Context) -> None:
    whole = site_forecasts(promoted, AFTER)
    assert pl.concat([site_forecasts(promoted, [day]) for day in AFTER]).equals(whole)


def test_forecasts_are_the_same_when_everything_from_their_vintage_on_is_scrambled(promoted: Context) -> None:
    day = AFTER[1]
    before = site_forecasts(promoted, [day])
    rows = promoted.lake.read(METER_READINGS, "home", day, LAST)
    changed = rows.with_columns(load_kwh=9 * pl.col("load_kwh"), pv_kwh=pl.col("pv_kwh").reverse())
    promoted.lake.write_days(METER_READINGS, "home", changed["local_day"].unique().to_list(), changed)
    assert site_forecasts(promoted, [day]).equals(before)


def test_forecasts_are_naive_when_recent_readings_are_missing(promoted: Context) -> None:
    late = LAST + timedelta(days=9)
    assert site_forecasts(promoted, [late]).is_empty()
    made = site_forecasts(promoted, [AFTER[0], late])
    assert made["local_day"].unique().to_list() == [AFTER[0]]


def test_forecasts_reach_a_week_when_configured(tmp_path: Path, trained: TrainedAurora) -> None:
    context = month_context(tmp_path, days_ahead=7)
    promote(context, trained)
    made = site_forecasts(context, [AFTER[0]])
    assert made["slot_start"].max() == day_start(AFTER[0] + timedelta(days=8), "Europe/Stockholm") - timedelta(
        minutes=15
    )


@pytest.mark.parametrize("model", ["auto", "naive"])
def test_forecasts_are_naive_when_nothing_is_promoted_or_wanted(
    tmp_path: Path, trained: TrainedAurora, model: str
) -> None:
    context = month_context(tmp_path, model=model)
    if model == "naive":
        promote(context, trained)
    assert site_forecasts(context, AFTER).equals(naive_site_forecasts(context, AFTER))


def test_forecasts_are_refused_with_a_remedy_when_aurora_is_named_and_none_is_promoted(tmp_path: Path) -> None:
    with pytest.raises(DataMissingError, match="no promoted one") as refused:
        site_forecasts(month_context(tmp_path, model="aurora"), AFTER)
    assert "darkstar train aurora" in refused.value.hint


def test_forecasts_are_refused_when_the_promoted_bundle_is_damaged(promoted: Context) -> None:
    (folder_of(promoted) / "v3" / "load_p50.txt").write_text("tree")
    with pytest.raises(ConfigurationError, match=r"load_p50\.txt"):
        site_forecasts(promoted, AFTER)


def test_forecasts_of_a_new_home_are_corrected_when_configured(tmp_path: Path) -> None:
    days = [FIRST + timedelta(days=by) for by in (2, 6, 13, 14)]
    context = month_context(tmp_path, correct_bias=True)
    made = site_forecasts(context, days)
    sources = dict(made.select("local_day", "correction_source").unique().iter_rows())
    assert sources == dict(zip(days, ("none", "mean", "mean", "none"), strict=True))
    assert pl.concat([site_forecasts(context, [day]) for day in days]).equals(made)
    plain = site_forecasts(month_context(tmp_path), days)
    assert plain["correction_source"].unique().to_list() == ["none"]
    ratio = (made["load_kwh"] / plain["load_kwh"]).to_numpy()
    assert ratio.min() >= 0.5 - 1e-9
    assert ratio.max() <= 1.5 + 1e-9
    assert (ratio != 1).any()
