"""Appliances that hide in the load, though they are read apart."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.doctor.finding import CheckResult, Verdict
from darkstar_pipeline.doctor.readings.appliances import check_appliances
from darkstar_pipeline.ingest.target import ImportTarget
from darkstar_pipeline.warehouse.schemas import METER_READINGS, METER_STATISTICS
from env.time_grid import SLOT_DTYPE
from tests.builders.month_home import month_context, readings
from tests.builders.small_home import as_imported

NOW = datetime(2025, 11, 5, 9, tzinfo=UTC)


def with_car(folder: Path, *, held: bool, column: str = "ev_kwh") -> str | None:
    found = checked(folder, load=1.0 if held else 0.0, column=column)
    assert (found.verdict is Verdict.WARN) is held
    assert bool(found.remedy) is held
    return found.detail


def checked(folder: Path, *, load: float, column: str = "ev_kwh", said: tuple[str, ...] = ()) -> CheckResult:
    """A car at night, 2 kWh a slot, beside the load or in it; the grid gives what the sun does not."""
    context, rng = month_context(folder), np.random.default_rng(5)
    charging = pl.col("local_clock") < 120
    house = readings().with_columns(pl.when(charging).then(2.0).otherwise(0.0).alias(column))
    noise = pl.Series(rng.normal(0, 0.05, house.height))
    net = pl.col("load_kwh") + pl.col(column) - pl.col("pv_kwh") + noise
    read = house.with_columns(
        import_kwh=pl.max_horizontal(net, 0.0),
        export_kwh=pl.max_horizontal(-net, 0.0),
        load_kwh=(pl.col("load_kwh") + load * pl.col(column)),
    )
    days = read["local_day"].unique().sort().to_list()
    context.lake.write_days(METER_READINGS, "home", days, as_imported(METER_READINGS, read.drop("local_clock"), "home"))
    sensors = {"load": "sensor.load", "ev": "sensor.ev", "load_holds": said}
    settings = Settings.model_validate({"sites": {"home": {"home_assistant": {"sensors": sensors}}}})
    found = check_appliances(settings, folder, "home", NOW)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("load", "verdict", "says", "remedy"),
    [
        (0.0, Verdict.OK, "not in the load: car; subtracted from it, since its sensor holds the car", ""),
        (1.0, Verdict.WARN, "the load holds the car", "fetch the readings of these days again"),
        (-1.0, Verdict.WARN, "subtracted from a load that does not hold it", "take it out of load_holds"),
    ],
)
def test_doctor_says_what_is_subtracted(tmp_path: Path, load: float, verdict: Verdict, says: str, remedy: str) -> None:
    found = checked(tmp_path, load=load, said=("ev",))
    assert (found.verdict, says in found.detail, remedy in found.remedy) == (verdict, True, True), found


@pytest.mark.parametrize(("column", "name"), [("ev_kwh", "car"), ("water_kwh", "water heater")])
@pytest.mark.parametrize("held", [True, False], ids=["in the load", "beside it"])
def test_load_that_holds_what_is_read_apart_is_told(tmp_path: Path, column: str, name: str, *, held: bool) -> None:
    told = f"the load holds the {name}" if held else f"not in the load: {name}"
    assert told in str(with_car(tmp_path, held=held, column=column))


def test_a_heat_pump_is_told(tmp_path: Path) -> None:
    context = month_context(tmp_path)
    hours = [datetime(2025, 11, 4, hour, tzinfo=UTC) for hour in range(6)]
    known = pl.DataFrame({"hour_start": hours, "quantity": ["heat_pump"] * 6, "energy_kwh": [0.5] * 6})
    target = ImportTarget.of(context)
    target.store(METER_STATISTICS, known.cast({"hour_start": SLOT_DTYPE}), source="test", now=NOW)
    found = check_appliances(context.settings, tmp_path, "home", NOW)
    assert found is not None
    assert "the heat pump draws 12.0 kWh a day, and stays in the load" in found.detail


def test_nothing_is_said_where_no_appliance_is_read_apart(tmp_path: Path) -> None:
    assert check_appliances(month_context(tmp_path).settings, tmp_path, "home", NOW) is None
