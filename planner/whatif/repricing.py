"""Schedules at other prices and another wear: what the same flows cost elsewhere."""

import numpy as np
import polars as pl

from env.battery import Battery
from env.inverter import Flows
from env.simulator import flows_cost

_PRICES = ("import_price", "export_price")


def repriced(schedules: pl.DataFrame, prices: pl.DataFrame, battery: Battery) -> pl.DataFrame:
    """Return schedules with the prices of the same slots elsewhere, and their cost there.

    Args:
        schedules: as `planner.replay.daily.replay_days` gives them.
        prices: `slot_start, import_price, export_price` of each slot [money/kWh].
        battery: the one that wears.
    """
    columns = schedules.columns
    joined = schedules.drop(*_PRICES).join(
        prices.select("slot_start", *_PRICES), on="slot_start", how="left", maintain_order="left"
    )
    moved = {name: joined[name].to_numpy() for name in ("import_kwh", "export_kwh", "charge_kwh", "discharge_kwh")}
    nothing = np.zeros(joined.height)
    flows = Flows(**moved, curtailed_kwh=nothing, soc_end_kwh=nothing, clamped_kwh=nothing, breach_kwh=nothing)
    cost = flows_cost(flows, joined["import_price"].to_numpy(), joined["export_price"].to_numpy(), battery)
    return joined.with_columns(cost=pl.Series(cost)).select(columns)
