"""Days solved by EMHASS's own optimiser, from frames to answer; run by the Python of EMHASS's own environment.

    python emhass_days.py DAYS.json ANSWER.json

It stands alone: EMHASS's dependencies conflict with ours, so this file imports nothing of the project, and the two JSON
files are all that passes between (`benchmarks.peers.emhass_environment` writes and reads them).

Every option is what EMHASS ships (`config_defaults.json`), but for what describes this home: battery, no deferrable
loads, the battery may export, limits of the grid that bind nothing (EMHASS needs some), and the relative gap that its
solver may stop at where the caller gives one.

What is timed is one call of `Optimization.perform_dayahead_forecast_optim` a day. Not timed: imports, building the
frames that it takes, and one object per length of a day with a first solve, after which EMHASS keeps the compiled
problem and only changes its parameters. It logs nothing.
"""

import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

import emhass  # pyright: ignore[reportMissingImports] - installed in an environment of its own
import numpy as np
import pandas as pd
from emhass.optimization import Optimization  # pyright: ignore[reportMissingImports] - as above

WATTS = 1000.0
IMPORT_PRICE, EXPORT_PRICE = "unit_load_cost", "unit_prod_price"
ANY_DAY = "2025-01-01"  # the optimiser reads no dates


def main(days_path: str, answer_path: str) -> None:
    """Solve the days of a file, in order, and write the powers and the seconds of each."""
    request = json.loads(Path(days_path).read_text(encoding="utf-8"))
    soc = request["soc"]
    frames = [_frame(day) for day in request["days"]]
    optimisers: dict[int, Optimization] = {}
    for frame in frames:
        if len(frame) not in optimisers:
            optimisers[len(frame)] = _optimiser(request, len(frame))
            _solve(optimisers[len(frame)], frame, soc)
    answers = [_timed(optimisers[len(frame)], frame, soc) for frame in frames]
    Path(answer_path).write_text(json.dumps(answers), encoding="utf-8")


def _frame(day: dict[str, list[float]]) -> pd.DataFrame:
    """Return a day as EMHASS takes it: powers in W, prices per kWh, one row a slot."""
    columns = {
        "pv": WATTS * np.array(day["pv_kw"]),
        "load": WATTS * np.array(day["load_kw"]),
        IMPORT_PRICE: np.array(day["import_price"]),
        EXPORT_PRICE: np.array(day["export_price"]),
    }
    index = pd.date_range(ANY_DAY, periods=len(columns["load"]), freq="15min", tz="UTC")
    return pd.DataFrame(columns, index=index)


def _optimiser(request: dict[str, Any], n_slots: int) -> Optimization:
    """Return EMHASS's optimiser for a home with that battery."""
    shipped = json.loads(
        (Path(str(emhass.__file__)).parent / "data" / "config_defaults.json").read_text(encoding="utf-8")
    )
    gap = request["relative_gap"]
    home = {
        **shipped,
        **_battery(request["battery"]),
        "optimization_time_step": pd.Timedelta(minutes=15),
        "delta_forecast_daily": pd.Timedelta(days=1),
        "time_zone": "UTC",
        "lp_solver_mip_rel_gap": shipped["lp_solver_mip_rel_gap"] if gap is None else gap,
        "number_of_deferrable_loads": 0,
        "set_use_pv": True,
        "maximum_power_from_grid": WATTS * request["most_grid_kw"],
        "maximum_power_to_grid": WATTS * request["most_grid_kw"],
    }
    silent = logging.getLogger("emhass")
    silent.setLevel(logging.CRITICAL)
    costs = (IMPORT_PRICE, EXPORT_PRICE, shipped["costfun"])
    return Optimization(home, home, home, *costs, {}, silent, num_timesteps=n_slots)


def _battery(battery: dict[str, float]) -> dict[str, float | bool]:
    return {
        "set_use_battery": True,
        "set_nodischarge_to_grid": False,
        "weight_battery_charge": battery["wear_cost"],
        "weight_battery_discharge": battery["wear_cost"],
        "battery_nominal_energy_capacity": WATTS * battery["capacity_kwh"],
        "battery_minimum_state_of_charge": battery["min_soc"],
        "battery_maximum_state_of_charge": battery["max_soc"],
        "battery_charge_power_max": WATTS * battery["charge_kw"],
        # EMHASS limits discharging to efficiency x this; so both limits are ours, on the alternating-current side.
        "battery_discharge_power_max": WATTS * battery["discharge_kw"] / battery["discharge_efficiency"],
        "battery_charge_efficiency": battery["charge_efficiency"],
        "battery_discharge_efficiency": battery["discharge_efficiency"],
    }


def _solve(optimiser: Optimization, frame: pd.DataFrame, soc: float) -> pd.DataFrame:
    """Return the powers of a day that ends with the stored energy that it starts with."""
    return optimiser.perform_dayahead_forecast_optim(frame, frame["pv"], frame["load"], soc_init=soc, soc_final=soc)


def _timed(optimiser: Optimization, frame: pd.DataFrame, soc: float) -> dict[str, Any]:
    begin, cpu_begin = time.perf_counter(), time.process_time()
    answer = _solve(optimiser, frame, soc)
    seconds, cpu_seconds = time.perf_counter() - begin, time.process_time() - cpu_begin
    if optimiser.optim_status != "Optimal":
        message = f"EMHASS answered {optimiser.optim_status!r} for a day of {len(frame)} slots"
        raise RuntimeError(message)
    powers = {"grid_kw": answer["P_grid"] / WATTS, "battery_kw": answer["P_batt"] / WATTS}
    times = {"seconds": seconds, "cpu_seconds": cpu_seconds}
    return {**times, **{name: values.tolist() for name, values in powers.items()}}


if __name__ == "__main__":
    main(*sys.argv[1:])
