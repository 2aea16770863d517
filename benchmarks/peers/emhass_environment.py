"""EMHASS in a virtual environment of its own, and days handed to its optimiser there.

Its dependencies conflict with ours (an older cvxpy and NumPy), so it is installed from its PyPI package beside the
project's environment, once, into `.bench/emhass`. The days go through two JSON files; `emhass_days` solves them and
says what is timed.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.peers.own_environment import ToolMissingError, call, installed
from env.battery import Battery
from env.inverter import Energy

PACKAGE = "emhass==0.18.7"
FOLDER = Path(__file__).resolve().parents[2] / ".bench" / "emhass"
SCRIPT = Path(__file__).resolve().with_name("emhass_days.py")
SLOTS_PER_HOUR = 4


class EmhassMissingError(ToolMissingError):
    """EMHASS could not be installed, or did not solve the days."""


@dataclass(frozen=True)
class EmhassDay:
    """EMHASS's answer for a day.

    Attributes:
        seconds: wall time of the call [s].
        cpu_seconds: processor time of the call, all threads [s].
        grid_kwh: import above 0, export below, `(n_slots,)` [kWh].
        battery_kwh: discharge above 0, charge below, `(n_slots,)` [kWh].
    """

    seconds: float
    cpu_seconds: float
    grid_kwh: Energy
    battery_kwh: Energy


def environment(folder: Path = FOLDER) -> Path:
    """Return the Python that has EMHASS; the first call installs it (a minute or two, 1.1 GB).

    Raises:
        EmhassMissingError: it cannot be installed.
    """
    return installed(folder, PACKAGE, duration="a minute or two", missing=EmhassMissingError)


def _call(command: Sequence[str], failure: str) -> None:
    """Run a command to its end.

    Raises:
        EmhassMissingError: it did not end with 0.
    """
    call(command, failure, EmhassMissingError)


def solve_with_emhass(
    python: Path,
    days: Sequence[tuple[Energy, Energy, Energy, Energy]],
    battery: Battery,
    *,
    soc_kwh: float,
    relative_gap: float | None = None,
) -> list[EmhassDay]:
    """Solve each day with EMHASS, from that stored energy back to it.

    Args:
        python: the interpreter that has EMHASS.
        days: import price, export price [money/kWh], load, PV [kWh] of each, `(n_slots,)`.
        battery: battery of the home.
        soc_kwh: stored energy at the start and at the end [kWh].
        relative_gap: what its solver may be off by, as a share of the cost; None for what EMHASS ships.

    Raises:
        EmhassMissingError: it ended with an error, a day without an optimum among them.
    """
    request = {
        "soc": soc_kwh / battery.capacity_kwh,
        "relative_gap": relative_gap,
        "most_grid_kw": _most_grid_kw(days, battery),
        "battery": _battery_document(battery),
        "days": [_day_document(day) for day in days],
    }
    with TemporaryDirectory(prefix="darkstar-emhass-") as name:
        given, answered = Path(name) / "days.json", Path(name) / "answer.json"
        given.write_text(json.dumps(request), encoding="utf-8")
        _call([str(python), str(SCRIPT), str(given), str(answered)], "EMHASS did not solve the days")
        answers = json.loads(answered.read_text(encoding="utf-8"))
    return [_day_of(answer) for answer in answers]


def _most_grid_kw(days: Sequence[tuple[Energy, Energy, Energy, Energy]], battery: Battery) -> float:
    """Return the least grid limit that binds nothing: EMHASS needs one, and a wide one would slow its binaries."""
    house = max(float(np.abs(load - pv).max()) for _, _, load, pv in days)
    return SLOTS_PER_HOUR * house + max(battery.charge_kw, battery.discharge_kw)


def _battery_document(battery: Battery) -> dict[str, float]:
    return {
        "capacity_kwh": battery.capacity_kwh,
        "min_soc": battery.min_soc_kwh / battery.capacity_kwh,
        "max_soc": battery.max_soc_kwh / battery.capacity_kwh,
        "charge_kw": battery.charge_kw,
        "discharge_kw": battery.discharge_kw,
        "charge_efficiency": battery.charge_efficiency,
        "discharge_efficiency": battery.discharge_efficiency,
        "wear_cost": battery.wear_cost,
    }


def _day_document(day: tuple[Energy, Energy, Energy, Energy]) -> dict[str, list[float]]:
    import_price, export_price, load, pv = day
    return {
        "import_price": import_price.tolist(),
        "export_price": export_price.tolist(),
        "load_kw": (SLOTS_PER_HOUR * load).tolist(),
        "pv_kw": (SLOTS_PER_HOUR * pv).tolist(),
    }


def _day_of(answer: dict[str, Any]) -> EmhassDay:
    grid, battery = (np.array(answer[name]) / SLOTS_PER_HOUR for name in ("grid_kw", "battery_kw"))
    return EmhassDay(answer["seconds"], answer["cpu_seconds"], grid, battery)
