"""`darkstar care` as a person calls it: offers are taken over by one command and taken back by another."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from darkstar_pipeline.config.settings import load_settings
from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.schemas import METER_READINGS
from env.time_grid import grid
from tests.builders.command_line import Darkstar
from tests.builders.small_home import ZONE, as_imported

TEXT = """\
sites:
  home:
    first_day: 2025-01-01
    battery:
      capacity_kwh: 10.0  # as sold
      charge_kw: 4
"""


def read_cycles(home: Path) -> None:
    """Write readings of the last 20 days: 9 kWh, up with 4 kW and slower above 80 %, down by 3 % a slot."""
    (home / "darkstar.yaml").write_text(TEXT, encoding="utf-8")
    today = datetime.now(UTC).date()
    slots = grid(today - timedelta(days=20), today - timedelta(days=1), ZONE)
    rows: list[tuple[float, float, float, float]] = []
    soc, up = 10.0, True
    for _ in range(slots.height):
        share = min(4.0, 4.0 - (soc - 80) * 0.17) / 4 * 100 / 9.0 if up else -3.0
        later = float(np.clip(soc + share, 10.0, 99.0))
        moved = (later - soc) / 100 * 9.0
        rows.append((soc, later, max(moved, 0.0), max(-moved, 0.0)))
        up = later < 98 if up else later <= 10
        soc = later
    names = ("soc_start_percent", "soc_end_percent", "batt_charge_kwh", "batt_discharge_kwh")
    read = slots.with_columns(pl.DataFrame(rows, schema=names, orient="row"), load_kwh=pl.lit(0.2), pv_kwh=pl.lit(0.0))
    days = slots["local_day"].unique().sort().to_list()
    Lake(home / "state" / "lake").write_days(METER_READINGS, "home", days, as_imported(METER_READINGS, read, "home"))


def test_offers_are_taken_over_and_back(home: Path, darkstar: Darkstar) -> None:
    read_cycles(home)
    shown = darkstar("care", "--json")
    assert [offer["name"] for offer in shown.document["offers"]] == ["capacity", "taper"], shown.err
    assert shown.document["offers"][0]["offered"] == pytest.approx(9.0, abs=0.2)
    for name in ("taper", "capacity"):
        assert darkstar("care", "accept", name).code == 0
    battery = load_settings(home / "darkstar.yaml").sites["home"].battery
    assert battery.capacity_kwh == pytest.approx(9.0, abs=0.2)
    assert battery.charge_taper[-1][0] == 100.0
    assert battery.charge_taper[-1][1] < 2.0
    after = darkstar("care", "--json").document
    assert after["offers"] == []
    assert {each["name"]: each["before"] for each in after["accepted"]} == {"capacity": "10.0", "taper": "nothing"}
    for name in ("capacity", "taper"):
        assert darkstar("care", "revert", name).code == 0
    assert (home / "darkstar.yaml").read_text(encoding="utf-8") == TEXT


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["accept", "colour"], "give one of: capacity, taper"),
        (["accept", "taper"], "readings offer no taper"),
        (["revert", "capacity"], "no learned value of battery.capacity_kwh stands"),
    ],
)
def test_what_cannot_be_is_refused_with_a_remedy(home: Path, darkstar: Darkstar, words: list[str], said: str) -> None:
    (home / "darkstar.yaml").write_text(TEXT, encoding="utf-8")
    done = darkstar("care", *words)
    assert done.code == 2
    assert said in done.err
