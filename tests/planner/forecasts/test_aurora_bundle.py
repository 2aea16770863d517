"""A model out of its bundle forecasts the same bytes; one that does not fit is refused."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from env.time_grid import day_start, grid
from planner.artifacts.bundle import Bundle, read_bundle
from planner.errors import PolicyMismatchError
from planner.forecasts.aurora import aurora_forecasts, aurora_scenarios
from planner.forecasts.aurora_bundle import ARRAYS, LoadedAurora, TrainingProvenance, load_aurora, save_aurora
from planner.forecasts.aurora_fitting import fit_aurora
from planner.forecasts.aurora_model import AuroraModel
from planner.forecasts.clear_sky import Plane, PvSystem
from planner.forecasts.features import AuroraHome
from planner.forecasts.slot_series import slot_series
from tests.builders.homes import STOCKHOLM
from tests.builders.month_home import FIRST, LAST, readings
from tests.builders.version_0_1 import VERSION_0_1

PANELS = PvSystem(latitude=59.3, longitude=18.1, tilt=40.0, azimuth=170.0)


@cache
def home(*, panels: bool = True) -> AuroraHome:
    history = readings() if panels else readings().with_columns(pv_kwh=pl.lit(0.0))
    return AuroraHome(slot_series(history, STOCKHOLM, country="SE"), PANELS if panels else None)


@cache
def fitted(*, panels: bool = True) -> AuroraModel:
    return fit_aurora(home(panels=panels), np.ones(len(home().series), dtype=bool))


def saved(folder: Path, *, panels: bool = True) -> LoadedAurora:
    trained_on = TrainingProvenance(
        timezone=STOCKHOLM,
        first_day=FIRST,
        last_day=LAST,
        panels=PANELS if panels else None,
        country="SE",
        metrics={"mae_load_aurora": 0.1, "mae_pv_aurora": None},
    )
    save_aurora(folder / "v1", fitted(panels=panels), trained_on)
    return load_aurora(folder / "v1")


def test_planes_of_a_roof_are_kept_and_one_plane_leaves_the_manifest_as_it_was(tmp_path: Path) -> None:
    planes = (Plane(kw=4.0, tilt=30.0, azimuth=90.0), Plane(kw=2.0, tilt=20.0, azimuth=270.0))
    roof = replace(PANELS, planes=planes)
    trained_on = TrainingProvenance(timezone=STOCKHOLM, first_day=FIRST, last_day=LAST, panels=roof, metrics={})
    save_aurora(tmp_path / "roof", fitted(), trained_on)
    assert load_aurora(tmp_path / "roof").panels == roof
    save_aurora(tmp_path / "one", fitted(), replace(trained_on, panels=PANELS))
    assert load_aurora(tmp_path / "one").panels == PANELS
    assert "planes" not in (tmp_path / "one" / "manifest.json").read_text()


@pytest.mark.parametrize("panels", [True, False], ids=["panels", "no panels"])
def test_model_forecasts_the_same_when_it_was_saved_and_loaded(tmp_path: Path, *, panels: bool) -> None:
    loaded, days = saved(tmp_path, panels=panels), [date(2025, 10, 26), date(2025, 11, 1)]
    vintages = [day_start(day, STOCKHOLM) for day in days]
    ends = [vintage + timedelta(days=2) for vintage in vintages]
    made = [
        aurora_forecasts(model, home(panels=panels), vintages, ends, STOCKHOLM)
        for model in (fitted(panels=panels), loaded.model)
    ]
    assert made[0].equals(made[1])
    paths = [
        aurora_scenarios(model, home(panels=panels), days, STOCKHOLM)[days[0]]
        for model in (fitted(panels=panels), loaded.model)
    ]
    np.testing.assert_array_equal(paths[0].load_kwh, paths[1].load_kwh)
    np.testing.assert_array_equal(paths[0].pv_kwh, paths[1].pv_kwh)


def test_bundle_says_what_the_model_learned_from(tmp_path: Path) -> None:
    loaded = saved(tmp_path)
    assert (loaded.summary.first_day, loaded.summary.last_day) == (FIRST, LAST)
    assert loaded.panels == PANELS
    assert loaded.model.lacks == fitted().lacks
    assert loaded.summary.metrics == {"mae_load_aurora": 0.1, "mae_pv_aurora": None}


def test_bundle_is_the_same_when_the_same_model_is_saved_twice(tmp_path: Path) -> None:
    assert saved(tmp_path / "one").identity == saved(tmp_path / "two").identity


def changed(folder: Path, *, drop: str = "", damage: str = "", **details: object) -> Bundle:
    """The bundle with other details, without a file, or with one damaged."""
    saved(folder)
    whole = read_bundle(folder / "v1")
    manifest = whole.manifest.model_copy(update={"details": {**whole.manifest.details, **details}})
    files = {name: b"x" if name == damage else content for name, content in whole.files.items() if name != drop}
    return Bundle(manifest, files, "")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"version": "aurora_0"}, "made by aurora_0.*train aurora", id="other features"),
        pytest.param({"load": None}, "load", id="no load"),
        pytest.param({"moon": 1}, "moon", id="unknown detail"),
        pytest.param({"drop": "pv_p90.txt"}, "pv_p90", id="no trees"),
        pytest.param({"damage": ARRAYS}, "Safetensor", id="damaged arrays"),
        pytest.param({"damage": "load_mean.txt"}, "load_mean.txt", id="damaged trees"),
    ],
)
def test_model_is_refused_when_its_bundle_is_wrong(tmp_path: Path, change: dict[str, str], message: str) -> None:
    with pytest.raises(PolicyMismatchError, match=message):
        load_aurora(changed(tmp_path, **change))


def test_bundle_of_version_0_1_forecasts_as_it_did() -> None:
    loaded = load_aurora(VERSION_0_1 / "aurora")
    first, last = loaded.summary.first_day, loaded.summary.last_day
    assert (first, last, loaded.panels) == (date(2025, 10, 1), date(2025, 10, 20), None)
    assert loaded.summary.metrics == {"mae": 0.1, "none": None}
    slots = grid(first, last + timedelta(days=2), STOCKHOLM)
    number = np.arange(slots.height)
    load_kwh = 0.2 + 0.1 * (number % 96 > 64) + 0.01 * (number % 7)
    pv_kwh = np.where((number % 96 > 40) & (number % 96 < 60), 0.5, 0.0)
    history = slots.select("slot_start").with_columns(load_kwh=pl.Series(load_kwh), pv_kwh=pl.Series(pv_kwh))
    day = last + timedelta(days=1)
    start, end = (day_start(day + timedelta(days=by), STOCKHOLM) for by in (0, 1))
    series = AuroraHome(slot_series(history, STOCKHOLM, country="SE"), None)
    forecast = aurora_forecasts(loaded.model, series, [start], [end], STOCKHOLM)
    expected = json.loads((VERSION_0_1 / "predictions.json").read_text())["aurora"]
    for name in ("load_kwh", "pv_kwh"):
        np.testing.assert_allclose(forecast[name].to_numpy()[::25], expected[name], rtol=0, atol=1e-12)


def test_a_bundle_is_served_without_the_code_that_fits_models() -> None:
    code = (
        "import sys, planner.forecasts.embedded_aurora\n"
        "print([name for name in ('lightgbm', 'planner.forecasts.aurora_fitting') if name in sys.modules])"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]"]
