"""Appliances that hide in the load, though they are read apart."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from darkstar_pipeline.doctor.finding import Verdict
from darkstar_pipeline.doctor.readings.appliances import check_appliances
from darkstar_pipeline.warehouse.schemas import METER_READINGS
from tests.builders.month_home import month_context, readings
from tests.builders.small_home import as_imported

NOW = datetime(2025, 11, 5, 9, tzinfo=UTC)


def with_car(folder: Path, *, held: bool, column: str = "ev_kwh") -> str | None:
    """A car at night, 2 kWh a slot, beside the load or in it; the grid gives what the sun does not."""
    context, rng = month_context(folder), np.random.default_rng(5)
    charging = pl.col("local_clock") < 120
    house = readings().with_columns(pl.when(charging).then(2.0).otherwise(0.0).alias(column))
    noise = pl.Series(rng.normal(0, 0.05, house.height))
    net = pl.col("load_kwh") + pl.col(column) - pl.col("pv_kwh") + noise
    read = house.with_columns(
        import_kwh=pl.max_horizontal(net, 0.0),
        export_kwh=pl.max_horizontal(-net, 0.0),
        load_kwh=pl.col("load_kwh") + (pl.col(column) if held else 0.0),
    )
    days = read["local_day"].unique().sort().to_list()
    context.lake.write_days(METER_READINGS, "home", days, as_imported(METER_READINGS, read.drop("local_clock"), "home"))
    found = check_appliances(context.settings, folder, "home", NOW)
    assert found is not None
    assert (found.verdict is Verdict.WARN) is held
    assert bool(found.remedy) is held
    return found.detail


@pytest.mark.parametrize(("column", "name"), [("ev_kwh", "car"), ("water_kwh", "water heater")])
@pytest.mark.parametrize("held", [True, False], ids=["in the load", "beside it"])
def test_load_that_holds_what_is_read_apart_is_told(tmp_path: Path, column: str, name: str, *, held: bool) -> None:
    told = f"the load holds the {name}" if held else f"not in the load: {name}"
    assert told in str(with_car(tmp_path, held=held, column=column))


def test_nothing_is_said_where_no_appliance_is_read_apart(tmp_path: Path) -> None:
    assert check_appliances(month_context(tmp_path).settings, tmp_path, "home", NOW) is None
