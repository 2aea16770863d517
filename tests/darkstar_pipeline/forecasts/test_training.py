from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.forecasts.inputs import aurora_home
from darkstar_pipeline.forecasts.training import TrainedAurora, held_out_days, train_aurora
from darkstar_pipeline.forecasts.training_homes import training_homes
from darkstar_pipeline.warehouse.schemas import RAW_WEATHER
from env.time_grid import SLOT, SLOT_DTYPE, day_start
from planner.forecasts.aurora_bundle import load_aurora
from planner.forecasts.slot_series import external_forecast
from tests.builders.month_home import FIRST, LAST, month_context, readings, write_outlook
from tests.builders.small_home import as_imported
from tests.darkstar_pipeline.forecasts.conftest import TRAINED_DAYS


def days(n_days: int) -> list[date]:
    return [FIRST + timedelta(days=by) for by in range(n_days)]


@pytest.mark.parametrize(("n_days", "held_out"), [(20, 0), (27, 0), (28, 7), (100, 25), (300, 56)], ids=str)
def test_held_out_are_the_last_days_when_the_rest_is_enough(n_days: int, held_out: int) -> None:
    assert held_out_days(days(n_days)) == tuple(days(n_days)[n_days - held_out :] if held_out else ())


def test_training_reports_coverage_and_errors_of_held_out_days(trained: TrainedAurora) -> None:
    metrics = {name: value for name, value in trained.metrics.items() if value is not None}
    assert trained.days == TRAINED_DAYS
    assert trained.held_out == tuple(days(TRAINED_DAYS)[-7:])
    for quantity in ("load", "pv"):
        covered = [metrics[f"coverage_{quantity}_p{quantile}"] for quantile in (10, 50, 90)]
        assert covered == sorted(covered)
        assert all(metrics[f"mae_{quantity}_{name}"] > 0 for name in ("aurora", "seven_day_mean", "seasonal_naive"))
    assert metrics["mae_load_aurora"] < metrics["mae_load_seasonal_naive"]
    assert trained.provenance.last_day == FIRST.replace(day=TRAINED_DAYS)


def test_training_says_what_weather_it_lacks(trained: TrainedAurora) -> None:
    assert any("irradiance" in note and "darkstar fetch weather" in note for note in trained.notes)


def test_training_is_refused_with_a_remedy_when_days_are_few(tmp_path: Path) -> None:
    context = month_context(tmp_path, days=13)
    with pytest.raises(DataMissingError, match="13 days of site home") as refused:
        train_aurora(context, FIRST, LAST)
    assert "import more readings" in refused.value.hint


def test_training_learns_from_weather_when_there_is_some(tmp_path: Path) -> None:
    """A PV forecast that is right, said the evening before, is believed; what was never said stays lacking."""
    context = month_context(tmp_path)
    write_outlook(context)
    with_weather = train_aurora(context, FIRST, FIRST.replace(day=20))
    assert with_weather.held_out == ()
    assert set(with_weather.model.lacks) == {"cloud", "irradiance", "vacation", "alarm"}
    home = aurora_home(context, FIRST, LAST, panels=None, country=None)
    at = home.series.index(day_start(LAST, "Europe/Stockholm"))
    known = home.pv(np.array([at]), np.array([at + 48]))
    assert np.isfinite(known.values[0, known.names.index("expected")])
    noon = home.series.pv_kwh[at + 48]
    assert known.values[0, known.names.index("expected")] * known.base[0] == pytest.approx(noon)


def write_measured(context: Context, days: list[date], *, hours_before: int | None = None) -> None:
    """Weather of some days: as it was, or as it was forecast so many hours before."""
    known_at = pl.col("slot_start") + (SLOT if hours_before is None else -timedelta(hours=hours_before))
    said = (
        readings()
        .filter(pl.col("local_day").is_in(days))
        .with_columns(known_at=known_at.cast(SLOT_DTYPE), temp_c=10.0 * pl.col("load_kwh"), cloud_percent=pl.lit(40.0))
    )
    rows = as_imported(RAW_WEATHER, said.drop("local_clock", "load_kwh", "pv_kwh"), context.site_name)
    context.lake.write_days(RAW_WEATHER, context.site_name, days, rows)


def test_training_says_which_days_it_learns_from_the_archive(tmp_path: Path) -> None:
    context, last = month_context(tmp_path), FIRST.replace(day=30)
    write_measured(context, days(18))
    write_measured(context, [FIRST + timedelta(days=by) for by in range(18, 28)], hours_before=30)
    trained = train_aurora(context, FIRST, last)
    said = "10 days as forecast at the time, 18 days as it was, with errors of forecasts, 2 days without"
    assert trained.provenance.weather == said
    assert f"weather learned from: {said}" in trained.notes
    loaded = load_aurora(trained.save(tmp_path / "bundle"))
    assert loaded.summary.weather == said
    assert "temp_c" not in loaded.summary.lacks


def test_forecasts_never_see_the_archive_that_training_learned_from(tmp_path: Path) -> None:
    context = month_context(tmp_path)
    write_measured(context, days(20))
    homes = training_homes(context, FIRST, FIRST.replace(day=20), panels=None, country=None)
    at = np.array([homes.known.series.index(day_start(FIRST.replace(day=15), "Europe/Stockholm"))])
    temperature = [external_forecast(home.series, "temp_c", at + 40, at)[0] for home in (homes.known, homes.learned)]
    assert np.isnan(temperature[0])
    assert np.isfinite(temperature[1])
    assert temperature[1] != pytest.approx(10.0 * homes.known.series.load_kwh[at + 40][0])
