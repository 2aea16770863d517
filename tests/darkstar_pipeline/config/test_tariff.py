"""Settings of the tariff: documented examples bill as their page says, to the cent."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
import yaml

from darkstar_pipeline.config.site import SiteSettings
from env.time_grid import grid


def documented_demand_charges(root: Path) -> dict[str, SiteSettings]:
    """The examples of `docs/power_tariffs.md`, by their heading."""
    sites: dict[str, SiteSettings] = {}
    for section in (root / "docs" / "power_tariffs.md").read_text(encoding="utf-8").split("\n### ")[1:]:
        block = section.split("```yaml\n")[1].split("```")[0]
        sites[section.split()[0]] = SiteSettings.model_validate(yaml.safe_load(block))
    return sites


@pytest.mark.parametrize(
    ("company", "month", "peaks", "cost"),
    [
        # as on the page: two peaks of one day, 9.0 at 23:00 counts half
        ("Ellevio", 5, {"04T18": 6.0, "04T19": 5.5, "05T23": 9.0, "10T12": 4.0}, 14.5 / 3 * 81.25),
        ("Göteborg", 5, {"04T18": 6.0, "05T23": 9.0, "09T12": 4.0}, 19 / 3 * 36.25),
        ("Sollentuna", 5, {"05T12": 5.7, "05T13": 5.7, "06T12": 5.7, "09T12": 12.0}, 317.775),
        ("Sollentuna", 1, {"07T12": 5.7, "08T12": 5.7, "09T12": 5.7, "06T12": 12.0}, 635.55),
        ("Mälarenergi", 1, {"07T12": 6.0, "07T19": 5.0, "08T07": 4.0, "07T20": 8.0, "10T12": 7.0, "08T06": 3.0}, 448.0),
        ("Steps", 5, {"04T18": 6.0, "05T07": 5.0, "10T12": 4.0}, 147.0),
    ],
    ids=["ellevio", "goteborg", "sollentuna summer", "sollentuna winter", "malarenergi", "steps"],
)
def test_documented_demand_charges_bill_as_their_page_says_when_peaks_are_known(
    root: Path, company: str, month: int, peaks: dict[str, float], cost: float
) -> None:
    """VAT of 25 % is added to the amounts in the page's blocks (none to the steps)."""
    site = documented_demand_charges(root)[company].site("home")
    last = date(2026, month + 1, 1) - timedelta(days=1)
    slots = grid(date(2026, month, 1), last, site.timezone)
    hour = pl.col("slot_start").dt.convert_time_zone(site.timezone).dt.strftime("%dT%H")
    imported = slots.with_columns(import_kwh=hour.replace_strict(peaks, default=0.4, return_dtype=pl.Float64) / 4)
    assert site.tariff.power_costs(imported, site.timezone)["cost"].sum() == pytest.approx(cost)
