"""Settings: defaults as the design states them, and errors that name the place."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.settings import Settings, SiteSettings, load_settings


def written(path: Path, text: str) -> Path:
    file = path / "darkstar.yaml"
    file.write_text(text)
    return file


def test_defaults_are_those_of_the_design() -> None:
    site = SiteSettings().site("home")
    assert (site.timezone, site.currency) == ("Europe/Stockholm", "SEK")
    assert site.battery.capacity_kwh == 34.2
    assert site.battery.min_soc_kwh == pytest.approx(4.104)
    assert site.battery.charge_efficiency**2 == pytest.approx(0.95)
    assert site.battery.wear_cost == 0.20
    slot = pl.DataFrame({"slot_start": [date(2026, 1, 1)], "price": [1.0]}).with_columns(
        pl.col("slot_start").cast(pl.Datetime("us", "UTC"))
    )
    priced = site.tariff.with_prices(slot, site.timezone)
    assert priced["import_price"].item() == pytest.approx((1.0 + 0.2456 + 0.439) * 1.25)
    assert priced["export_price"].item() == 1.0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sites: {home: {battery: {capacity_kwh: -3}}}", "capacity_kwh"),
        ("sites: {home: {battery: {capacity: 3}}}", "battery.capacity"),
        ("sites: {home: {battery: {min_soc_percent: 90, max_soc_percent: 20}}}", "stored energy must be"),
        ("sites: {home: {timezone: Europe/Atlantis}}", "Europe/Atlantis"),
        ("sites: {home: {timezone: ../etc}}", "IANA"),
        ("sites: {home: {policies: [magic]}}", "magic"),
        ("sites: {home: {tariff: [{}, {}]}}", "same day"),
        ("sites: {'../home': {}}", "sites"),
        ("default_site: cabin\nsites: {home: {}}", "cabin"),
        ("sites: [1, 2]", "sites"),
        ("sites: {home: {limits: {import_kw: .nan}}}", "import_kw"),
        ("a: b: c", "YAML"),
        ("- 1", "whole file"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as refused:
        load_settings(written(tmp_path, text))
    assert refused.value.hint
    assert "\n" not in refused.value.message


def test_a_missing_file_names_the_command_that_writes_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no configuration") as refused:
        load_settings(tmp_path / "darkstar.yaml")
    assert "darkstar init" in refused.value.hint


def test_the_site_is_the_named_the_only_or_the_default_one() -> None:
    two = {"a": SiteSettings(), "b": SiteSettings()}
    assert Settings(sites={"a": SiteSettings()}).site_name() == "a"
    assert Settings(sites=two, default_site="b").site_name() == "b"
    assert Settings(sites=two, default_site="b").site_name("a") == "a"
    with pytest.raises(ConfigurationError, match="more than one site"):
        Settings(sites=two).site_name()
    with pytest.raises(ConfigurationError, match="not in the configuration"):
        Settings(sites=two).site_name("c")
    with pytest.raises(ConfigurationError, match="no site"):
        Settings().site_name()
