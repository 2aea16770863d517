"""A synthetic fleet: the same recipe gives the same bytes, whichever day has how many slots."""

import hashlib
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from darkstar_pipeline.config.settings import Settings, load_settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.fleet.homes_file import fleet_of, open_homes
from darkstar_pipeline.fleet.lake import fleet_lake
from darkstar_pipeline.sample.fleet.areas import AREAS, SampleArea, fleet_section
from darkstar_pipeline.sample.fleet.homes import sample_homes
from darkstar_pipeline.sample.fleet.make_fleet import FleetRecipe, make_fleet
from darkstar_pipeline.sample.fleet.series import area_prices, area_slots, home_series
from darkstar_pipeline.warehouse.schemas import METER_READINGS, RAW_SPOT_PRICES
from env.time_grid import slot_count

RECIPE = FleetRecipe(homes=12, days=7, seed=3)


def made_in(folder: Path, recipe: FleetRecipe = RECIPE) -> Path:
    """The fleet in a folder."""
    folder.mkdir(exist_ok=True)
    make_fleet(recipe, folder / "darkstar.yaml", folder / "state", quarantine=folder / "q")
    return folder


def hashes(folder: Path) -> dict[str, str]:
    """Hash of every file of a state folder."""
    state = folder / "state"
    files = [path for path in state.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return {str(path.relative_to(state)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_recipe_gives_the_same_bytes_here_and_again(tmp_path: Path) -> None:
    once = hashes(made_in(tmp_path / "a"))
    assert hashes(made_in(tmp_path / "b")) == once
    assert hashes(made_in(tmp_path / "a")) == once


def test_home_is_the_same_in_a_larger_fleet() -> None:
    assert sample_homes(5, 1).equals(sample_homes(50, 1).head(5))
    assert not sample_homes(5, 1).equals(sample_homes(5, 2))


def test_homes_that_pay_for_power_are_the_same_otherwise() -> None:
    plain, charged = sample_homes(40, 1), sample_homes(40, 1, charged_share=0.5)
    pays = charged["tariff"].str.ends_with("-power")
    assert 10 < pays.sum() < 30
    assert charged["tariff"].str.strip_suffix("-power").to_list() == plain["tariff"].to_list()
    assert charged.drop("tariff").equals(plain.drop("tariff"))


def test_every_home_has_every_slot_of_its_own_days(tmp_path: Path) -> None:
    folder = made_in(tmp_path / "fleet")
    settings = load_settings(folder / "darkstar.yaml")
    homes, lake = open_homes(settings, folder / "state"), fleet_lake(fleet_of(settings), folder / "state")
    assert len(homes) == RECIPE.homes
    for site, own in homes.items():
        for table in (METER_READINGS, RAW_SPOT_PRICES):
            rows = lake.site(site).read(table, site)
            counts = dict(rows.group_by("local_day").len().iter_rows())
            assert {day: slot_count(day, own.timezone) for day in counts} == counts
            assert len(counts) == RECIPE.days
    prices = lake.read(RAW_SPOT_PRICES, 0)
    assert prices.filter(pl.col("price") < 0).height


@pytest.mark.parametrize("area", AREAS, ids=lambda area: area.name)
def test_series_are_plausible(area: SampleArea) -> None:
    slots = area_slots(area, RECIPE.first, 8)
    homes = sample_homes(40, 0)
    load, pv = home_series(area, slots, homes, 0)
    prices = area_prices(area, slots, 0)
    assert load.shape == pv.shape == (40, slots.height)
    assert load.min() >= 0.06 * 0.25
    assert np.quantile(load, 0.99) < 2.5
    assert pv.min() == 0
    assert not pv[~homes["has_pv"].to_numpy()].any()
    assert pv[homes["has_pv"].to_numpy()].max(axis=1).min() > 0.1
    assert prices.min() < 0 < prices.mean() < 2 * area.level


def test_fleet_of_ones_own_is_not_mixed_with_the_sample(tmp_path: Path) -> None:
    (tmp_path / "darkstar.yaml").write_text("fleet: {}\n")
    with pytest.raises(ConfigurationError, match="has no tariff sample-fi-flat"):
        made_in(tmp_path)


def test_section_is_added_behind_what_stands_there(tmp_path: Path) -> None:
    (tmp_path / "darkstar.yaml").write_text("sites:\n  home: {area: SE4}\n")
    made_in(tmp_path)
    settings = load_settings(tmp_path / "darkstar.yaml")
    assert settings.sites["home"].area == "SE4"
    assert fleet_of(settings).buckets == 1


@pytest.mark.parametrize(
    ("day", "swedish", "finnish"),
    [
        ("2020-01-01", 0.439, 0.02253),
        ("2025-12-31", 0.439, 0.02253),
        ("2026-01-01", 0.36, 0.02253),
        ("2026-04-01", 0.36, 0.02325),
    ],
)
def test_homes_pay_the_energy_tax_of_the_day(day: str, swedish: float, finnish: float) -> None:
    fleet = fleet_of(Settings.model_validate({"fleet": fleet_section(1)}))
    for name, versions in fleet.tariffs.items():
        begun = [each for each in versions if each.valid_from <= date.fromisoformat(day)]
        assert begun[-1].energy_tax == (finnish if "fi" in name else swedish), name


def test_wear_is_in_the_currency_of_the_home() -> None:
    built_in = SiteSettings().battery.wear_cost_per_kwh  # in kronor
    for area in AREAS:
        assert (area.wear or built_in) < area.level, area.name
    rows = sample_homes(50, 1)
    assert rows.filter(pl.col("area") == "FI")["wear_cost_per_kwh"].unique().to_list() == [0.018]
