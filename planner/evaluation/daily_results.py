"""Daily costs, with the settlement of the energy left in the battery, and breaches of limits."""

from collections.abc import Sequence
from typing import Literal

import polars as pl

from env.battery import Battery
from env.home_rows import total
from env.inverter import Command, slot_limit
from env.site import Site
from env.time_grid import SLOT_HOURS
from planner.value.protocol import Protocol

BREACH_KWH = 1e-6  # solvers and sums round; a breach is more than a milliwatt-hour

_SUMS = ("import_kwh", "export_kwh", "charge_kwh", "discharge_kwh", "curtailed_kwh")


def daily_results(
    schedules: pl.DataFrame, protocol: Protocol, site: Site, *, homes: Sequence[str] = ()
) -> pl.DataFrame:
    """Totals of every policy and day of daily episodes.

    Args:
        schedules: as `replay_days` gives them, any number of policies.
        protocol: start and settlement.
        site: limits and battery.
        homes: columns that tell homes apart which have protocol, limits and battery in common.

    Returns:
        Those columns, then
        `day, policy, cost, import_kwh, export_kwh, charge_kwh, discharge_kwh, curtailed_kwh, start_soc_kwh,
        end_soc_kwh, settlement_value, peak_kw, breaches, writes`; `cost` [money] includes wear and the settlement of
        end - start stored energy; `writes` are changes of command within the day, null where the
        schedules have no commands.
    """
    totals = (
        schedules.sort(*homes, "policy", "slot_start")
        .group_by(*homes, "local_day", "policy", maintain_order=True)
        .agg(
            total(pl.col("cost")).alias("slots_cost"),
            total(pl.col(_SUMS)),
            pl.col("soc_start_kwh").first().alias("start_soc_kwh"),
            pl.col("soc_end_kwh").last().alias("end_soc_kwh"),
            _settlement(protocol, site).alias("settlement_value"),
            (pl.col("import_kwh").max() / SLOT_HOURS).alias("peak_kw"),
            breached(site).sum().cast(pl.Int32).alias("breaches"),
            _writes(schedules).cast(pl.Int32).alias("writes"),
        )
    )
    settled = pl.col("settlement_value") * (pl.col("end_soc_kwh") - pl.col("start_soc_kwh"))
    return totals.select(
        *homes,
        pl.col("local_day").alias("day"),
        "policy",
        (pl.col("slots_cost") - settled).alias("cost"),
        *_SUMS,
        "start_soc_kwh",
        "end_soc_kwh",
        "settlement_value",
        "peak_kw",
        "breaches",
        "writes",
    ).sort(*homes, "day", "policy")


def _writes(schedules: pl.DataFrame) -> pl.Expr:
    """Return the number of slots whose command differs from that of the slot before."""
    if not set(Command._fields) <= set(schedules.columns):
        return pl.lit(None, dtype=pl.Int32)
    changed = [pl.col(name) != pl.col(name).shift(1) for name in Command._fields]
    return pl.any_horizontal(changed).sum()


def _settlement(protocol: Protocol, site: Site) -> pl.Expr:
    """The same as `Protocol.settlement`, as an expression over the slots of a day."""
    if protocol.settlement_value is not None:
        return pl.lit(protocol.settlement_value)
    battery = site.battery
    value = pl.col("import_price").median() * battery.discharge_efficiency - battery.discharge_wear
    return value.clip(lower_bound=0)


def power_limit(battery: Battery, way: Literal["charge", "discharge"], soc_kwh: pl.Expr) -> pl.Expr:
    """Return the most that a slot charges or discharges, less where its power tapers [kWh].

    Args:
        battery: its power and tapers.
        way: which of both.
        soc_kwh: stored energy at the slot's start; null: only the power limits [kWh].
    """
    most = slot_limit(battery.charge_kw if way == "charge" else battery.discharge_kw)
    lines = battery.power_lines.get(way, ())
    return pl.min_horizontal(pl.lit(most), *(level + slope * soc_kwh for level, slope in lines))


def breached(site: Site) -> pl.Expr:
    """Return whether a slot of a schedule exceeds a limit: fuse, export, inverter, battery power or stored energy."""
    battery, limits = site.battery, site.limits
    low = pl.min_horizontal("soc_start_kwh", pl.lit(battery.min_soc_kwh)) - BREACH_KWH
    high = pl.max_horizontal("soc_start_kwh", pl.lit(battery.max_soc_kwh)) + BREACH_KWH
    start = pl.col("soc_start_kwh")
    charge, discharge = power_limit(battery, "charge", start), power_limit(battery, "discharge", start)
    through = pl.col("pv_kwh") - pl.col("curtailed_kwh") + pl.col("discharge_kwh") - pl.col("charge_kwh")
    return (
        (pl.col("import_kwh") > slot_limit(limits.import_kw) + BREACH_KWH)
        | (pl.col("export_kwh") > slot_limit(limits.export_kw) + BREACH_KWH)
        | (through.abs() > slot_limit(limits.inverter_kw) + BREACH_KWH)
        | (pl.col("charge_kwh") > charge + BREACH_KWH)
        | (pl.col("discharge_kwh") > discharge + BREACH_KWH)
        | (pl.col("soc_end_kwh") < low)
        | (pl.col("soc_end_kwh") > high)
    )
