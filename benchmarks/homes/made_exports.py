"""Made exports of a home: a tidy year, and Home Assistant's history download of any size. The same bytes every time.

The home has panels, a battery and a grid connection whose energies add up. Its history has two powers that change
every few seconds, four lifetime counters, the state of charge and a temperature that no import uses.
"""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

FIRST = datetime(2025, 11, 1, tzinfo=UTC)
QUARTER_S = 900
DAY_S = 86_400
_SEED = 14
_UNAVAILABLE = 2000  # one state in so many
_COUNTERS = ("import", "export", "batt_charge", "batt_discharge")
Reals = NDArray[np.float64]


def write_tidy_year(path: Path, days: int) -> None:
    """Write days of quarter-hours as a tidy CSV."""
    flows = _flows(days * DAY_S, QUARTER_S)
    energies = {f"{name}_kwh": np.round(kw / 4, 4) for name, kw in flows.items() if name != "soc"}
    soc = flows["soc"].round(2)
    frame = pl.DataFrame({"slot_start": _stamps(days * DAY_S, QUARTER_S), **energies, "soc_start_percent": soc})
    frame.write_csv(path)


def write_history(path: Path, days: int, step_s: int) -> None:
    """Write days of a history download with a state of every sensor each `step_s` seconds."""
    flows = _flows(days * DAY_S, step_s)
    stamps = _stamps(days * DAY_S, step_s)
    hours = step_s / 3600
    rng = np.random.default_rng(_SEED)
    sensors: dict[str, Reals] = {
        "sensor.house_load_power": np.round(flows["load"] * 1000),
        "sensor.pv_power": np.round(flows["pv"] * 1000),
        "sensor.battery_state_of_charge": flows["soc"].round(1),
        "sensor.living_room_temperature": 21 + flows["load"].round(1),
    }
    names = ("grid_import", "grid_export", "battery_charge", "battery_discharge")
    for name, flow in zip(names, _COUNTERS, strict=True):
        sensors[f"sensor.{name}_energy_total"] = (2000 + np.cumsum(flows[flow] * hours)).round(3)
    with path.open("wb") as file:
        file.write(b"entity_id,state,last_changed\n")
        for entity, values in sensors.items():
            absent = pl.Series(rng.integers(0, _UNAVAILABLE, len(values)) == 0)
            states = pl.DataFrame({"state": values, "stamp": stamps}).select(
                pl.lit(entity).alias("entity"),
                pl.when(absent).then(pl.lit("unavailable")).otherwise(pl.col("state").cast(pl.String)).alias("state"),
                "stamp",
            )
            states.write_csv(file, include_header=False)


def _stamps(seconds: int, step_s: int) -> pl.Series:
    """Instants as Home Assistant writes them; every one but the first of a slot some milliseconds late."""
    offset = np.arange(0, seconds, step_s, dtype=np.int64) * 1000
    late = np.where(offset % (QUARTER_S * 1000) == 0, 0, offset // step_s % 997)
    instants = pl.Series(offset + late + int(FIRST.timestamp() * 1000)).cast(pl.Datetime("ms", "UTC"))
    return instants.dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ")


def _flows(seconds: int, step_s: int) -> dict[str, Reals]:
    """Mean powers [kW] that add up, and the state of charge [%]."""
    rng = np.random.default_rng(_SEED)
    at = np.arange(0, seconds, step_s, dtype=np.float64)
    clock = at % DAY_S / 3600
    load = 0.35 + 0.3 * np.exp(-(((clock - 19) / 2) ** 2)) + 0.4 * rng.random(at.size)
    pv = np.maximum(np.sin((clock - 6) / 12 * np.pi), 0) * 4 * (0.6 + 0.4 * rng.random(at.size))
    charge = np.where((clock >= 10) & (clock < 14), np.minimum(pv, 1.0), 0.0)  # noqa: PLR2004 - o'clock
    discharge = np.where((clock >= 18) & (clock < 22), np.minimum(load, 0.3), 0.0)  # noqa: PLR2004 - o'clock
    net = load + charge - pv - discharge
    soc = 30 + 50 * np.clip(np.where(clock < 16, (clock - 10) / 4, (22 - clock) / 4), 0, 1)  # noqa: PLR2004 - o'clock
    return {
        "load": load,
        "pv": pv,
        "import": np.maximum(net, 0),
        "export": np.maximum(-net, 0),
        "batt_charge": charge,
        "batt_discharge": discharge,
        "soc": soc,
    }
