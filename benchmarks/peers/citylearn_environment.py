"""CityLearn 3 in a virtual environment of its own, stepping the same home.

Its dependencies conflict with ours (NumPy 1, Gymnasium 0.28), so it is installed from its PyPI package beside the
project's environment, once, into `.bench/citylearn`. PyPI's package carries no dataset, so it gets one of the home
that ours steps: one building, a battery, panels, a price, no heating; the fewest observations that its state needs.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl

from benchmarks.peers.own_environment import ToolMissingError, call, installed
from env.site import Site

PACKAGE = "citylearn==3.0.2"
TORCH = "torch==2.13.0"  # with it in place nothing pulls another build
FOLDER = Path(__file__).resolve().parents[2] / ".bench" / "citylearn"
SCRIPT = Path(__file__).resolve().with_name("citylearn_steps.py")
SEEN = (
    "hour",
    "non_shiftable_load",
    "solar_generation",
    "electrical_storage_soc",
    "net_electricity_consumption",
    "electricity_pricing",
)
_WEATHER = (
    "outdoor_dry_bulb_temperature",
    "outdoor_relative_humidity",
    "diffuse_solar_irradiance",
    "direct_solar_irradiance",
)


class CityLearnMissingError(ToolMissingError):
    """CityLearn could not be installed, or did not run."""


@dataclass(frozen=True)
class CityLearnSpeed:
    """Speed of CityLearn's building.

    Attributes:
        steps_per_second: steps per second of wall time.
        steps_per_cpu_second: steps per second of processor time.
        version: version of CityLearn.
    """

    steps_per_second: float
    steps_per_cpu_second: float
    version: str


def environment(folder: Path = FOLDER) -> Path:
    """Return the Python that has CityLearn; the first call installs it (a few minutes, 1.6 GB).

    Raises:
        CityLearnMissingError: it cannot be installed.
    """
    return installed(folder, PACKAGE, first=TORCH, duration="a few minutes", missing=CityLearnMissingError)


def citylearn_speed(python: Path, slots: pl.DataFrame, site: Site) -> CityLearnSpeed:
    """Measure the steps of CityLearn's building per second.

    Args:
        python: the interpreter that has CityLearn.
        slots: `slot_start, import_price, load_kwh, pv_kwh`, in order of time.
        site: battery and time zone.

    Raises:
        CityLearnMissingError: it ended with an error.
    """
    with TemporaryDirectory(prefix="darkstar-citylearn-") as name:
        folder = Path(name)
        for file, text in dataset(slots, site, folder).items():
            (folder / file).write_text(text, encoding="utf-8")
        answered = folder / "answer.json"
        command = [str(python), str(SCRIPT), str(folder), str(answered)]
        call(command, "CityLearn did not run", CityLearnMissingError)
        answer = json.loads(answered.read_text(encoding="utf-8"))
    return CityLearnSpeed(
        answer["steps"] / answer["seconds"], answer["steps"] / answer["cpu_seconds"], answer["version"]
    )


def dataset(slots: pl.DataFrame, site: Site, folder: Path) -> Mapping[str, str]:
    """Return the home as CityLearn's files, by name; its PV comes per kW of panels, in W."""
    local = slots["slot_start"].dt.convert_time_zone(site.timezone).dt
    most_pv = max(float(slots["pv_kwh"].max() or 0.0) * 4, 1.0)  # pyright: ignore[reportArgumentType] - a number
    nothing = np.zeros(slots.height)
    building = pl.DataFrame(
        {
            "month": local.month(),
            "hour": local.hour().cast(pl.Int32) + 1,
            "minutes": local.minute(),
            "day_type": local.weekday(),
            "indoor_dry_bulb_temperature": nothing,
            "non_shiftable_load": slots["load_kwh"],
            "dhw_demand": nothing,
            "cooling_demand": nothing,
            "heating_demand": nothing,
            "solar_generation": slots["pv_kwh"] * 1000 / most_pv,
        }
    )
    ahead = ("", "_predicted_1", "_predicted_2", "_predicted_3")
    weather = pl.DataFrame({f"{name}{suffix}": nothing for suffix in ahead for name in _WEATHER})
    pricing = pl.DataFrame({f"electricity_pricing{suffix}": slots["import_price"] for suffix in ahead})
    return {
        "Building_1.csv": building.write_csv(),
        "weather.csv": weather.write_csv(),
        "pricing.csv": pricing.write_csv(),
        "schema.json": json.dumps(_schema(slots.height, site, folder, most_pv)),
    }


def _schema(n_slots: int, site: Site, folder: Path, most_pv_kw: float) -> dict[str, Any]:
    battery = site.battery
    storage = {
        "capacity": battery.capacity_kwh,
        "efficiency": battery.charge_efficiency * battery.discharge_efficiency,
        "nominal_power": battery.charge_kw,
        "capacity_loss_coefficient": 0.0,
        "loss_coefficient": 0.0,
    }
    return {
        "random_seed": 1,
        "root_directory": str(folder),
        "central_agent": True,
        "simulation_start_time_step": 0,
        "simulation_end_time_step": n_slots - 1,
        "seconds_per_time_step": 900,
        "observations": {name: {"active": True, "shared_in_central_agent": False} for name in SEEN},
        "actions": {"electrical_storage": {"active": True}},
        "reward_function": {"type": "citylearn.reward_function.RewardFunction", "attributes": {}},
        "buildings": {
            "Building_1": {
                "include": True,
                "energy_simulation": "Building_1.csv",
                "weather": "weather.csv",
                "pricing": "pricing.csv",
                "electrical_storage": {"type": "citylearn.energy_model.Battery", "attributes": storage},
                "pv": {"type": "citylearn.energy_model.PV", "attributes": {"nominal_power": most_pv_kw}},
            }
        },
    }
