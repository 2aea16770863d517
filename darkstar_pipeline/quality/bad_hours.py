"""Hours whose readings contradict an independent series or the energy balance of the home, and the quantity at fault.

Hours are whole hours of UTC (of the statistics, for those), so every one has four slots, whatever the clock
does, and belongs to the local day its start is in. Where midnight cuts an hour (zones with a half hour) it is not
checked, so that a day's grade does not depend on its neighbours. An hour with a slot missing is not checked: missing
slots are counted elsewhere, and so are quantities that were never measured.

The balance of an hour, where import and export are measured:

    residual = load + water + car + export + charge - PV - discharge - import        bad beyond 0.2 kWh either way

A residual shows that something is wrong, not what. It is attributed to

1. the battery, where its own balance of that hour is off: the change of its state of charge against
   efficiency * charge - discharge / efficiency, beyond one percent of the capacity (SoC is read in whole percent) plus
   the same 0.2 kWh;
2. else the quantities whose hourly statistic disagrees with their slots;
3. else load, which most systems derive from the others, unless an hourly statistic confirms it;
4. else, of import, export, PV and the battery, those that no statistic confirms; load if there are none.
"""

import polars as pl

from env.battery import Battery

LARGEST_ERROR_KWH = 0.2
"""An hour is bad beyond this difference [kWh]."""
SOC_STEP_PERCENT = 1.0
"""Resolution at which state of charge is read [points]."""
SLOTS_PER_HOUR = 4
QUANTITIES = {
    "load": "load_kwh",
    "pv": "pv_kwh",
    "import": "import_kwh",
    "export": "export_kwh",
    "batt_charge": "batt_charge_kwh",
    "batt_discharge": "batt_discharge_kwh",
}
ATTRIBUTED = ("load", "pv", "import", "export", "battery")
_BATTERY_PARTS = ("batt_charge", "batt_discharge")
_TINY = 1e-9  # kWh; sums of decimals that are 0.2 apart on paper are not a fault
_HOUR_MINUTES = 60


def bad_hours(
    observations: pl.DataFrame, statistics: pl.DataFrame, timezone: str, *, battery: Battery, has_pv: bool
) -> pl.DataFrame:
    """Return the bad hours of some days.

    Args:
        observations: the whole slot grid of the days, columns of `slot_observations`; null where nothing was read.
        statistics: `hour_start` [UTC], `quantity` (keys of `QUANTITIES`), `energy_kwh` [kWh].
        timezone: IANA zone of the local days.
        battery: its capacity and efficiencies are used.
        has_pv: without PV an unread `pv_kwh` is zero and its statistics are ignored.

    Returns:
        A row a bad hour and quantity (`ATTRIBUTED`): `local_day, hour_start, quantity`.
    """
    compared = compared_hours(observations, statistics, has_pv=has_pv)
    unbalanced = _unbalanced(observations, battery, has_pv=has_pv)
    if compared.is_empty() and unbalanced.is_empty():
        hour = observations.schema["slot_start"]
        return pl.DataFrame(schema={"local_day": pl.Date, "hour_start": hour, "quantity": pl.String})
    disagreeing = compared.filter(pl.col("agrees").not_()).select("hour_start", quantity=_owner("quantity"))
    both = pl.concat([disagreeing, _attributed(unbalanced, compared)]).unique()
    day = pl.col("hour_start").dt.convert_time_zone(timezone).dt.date().alias("local_day")
    days = observations.select("local_day").unique()
    return both.with_columns(day).join(days, on="local_day", how="semi").select("local_day", "hour_start", "quantity")


def _owner(column: str) -> pl.Expr:
    """Map charge and discharge to the battery."""
    return pl.when(pl.col(column).is_in(_BATTERY_PARTS)).then(pl.lit("battery")).otherwise(pl.col(column))


def compared_hours(observations: pl.DataFrame, statistics: pl.DataFrame, *, has_pv: bool) -> pl.DataFrame:
    """Compare each statistic whose four slots were all read.

    Args:
        observations: `slot_start`, `local_day` and the columns of `QUANTITIES`.
        statistics: `hour_start` [UTC], `quantity` (keys of `QUANTITIES`), `energy_kwh` [kWh].
        has_pv: whether statistics of PV are looked at.

    Returns:
        `hour_start, quantity, read_kwh, statistic_kwh, agrees`.
    """
    quantities = [name for name in QUANTITIES if has_pv or name != "pv"]
    offsets = [pl.duration(minutes=minutes) for minutes in range(0, _HOUR_MINUTES, _HOUR_MINUTES // SLOTS_PER_HOUR)]
    relevant = statistics.filter(pl.col("quantity").is_in(quantities), pl.col("energy_kwh").is_finite())
    if relevant.is_empty():
        figures = {"read_kwh": pl.Float64, "statistic_kwh": pl.Float64, "agrees": pl.Boolean}
        return pl.DataFrame(schema={"hour_start": statistics.schema["hour_start"], "quantity": pl.String, **figures})
    slots = relevant.with_columns(slot_start=pl.concat_list(pl.col("hour_start") + offset for offset in offsets))
    read = observations.unpivot(
        list(QUANTITIES.values()), index=["slot_start", "local_day"], variable_name="column", value_name="kwh"
    )
    named = {column: name for name, column in QUANTITIES.items()}
    read = read.drop_nulls("kwh").with_columns(quantity=pl.col("column").replace_strict(named))
    off = (pl.col("kwh").sum() - pl.col("energy_kwh").first()).abs()
    both = (pl.col("kwh").sum().alias("read_kwh"), pl.col("energy_kwh").first().alias("statistic_kwh"))
    return (
        slots.explode("slot_start")
        .join(read, on=["slot_start", "quantity"])
        .group_by("hour_start", "quantity", "local_day")
        .agg(*both, slots=pl.len(), agrees=off <= LARGEST_ERROR_KWH + _TINY)
        .filter(pl.col("slots") == SLOTS_PER_HOUR)
        .drop("slots", "local_day")
    )


def _unbalanced(observations: pl.DataFrame, battery: Battery, *, has_pv: bool) -> pl.DataFrame:
    """Return the hours that do not balance: `hour_start`, whether a battery is measured, whether its balance is off."""
    if any(observations[name].null_count() == observations.height for name in ("load_kwh", "import_kwh", "export_kwh")):
        flags = {"has_battery": pl.Boolean, "battery_off": pl.Boolean}
        return pl.DataFrame(schema={"hour_start": observations.schema["slot_start"], **flags})
    charge, discharge = pl.col("batt_charge_kwh"), pl.col("batt_discharge_kwh")
    has_battery = charge.is_not_null() | discharge.is_not_null()
    absent = ~has_battery.any().over("local_day")
    pv = pl.col("pv_kwh") if has_pv else pl.col("pv_kwh").fill_null(0.0)
    into = pl.when(absent).then(0.0).otherwise(charge)
    out_of = pl.when(absent).then(0.0).otherwise(discharge)
    appliances = pl.col("water_kwh").fill_null(0.0) + pl.col("ev_kwh").fill_null(0.0)
    residual = pl.col("load_kwh") + appliances + pl.col("export_kwh") + into - pv - out_of - pl.col("import_kwh")
    gained = battery.charge_efficiency * into - out_of / battery.discharge_efficiency
    stored = (pl.col("soc_end_percent").last() - pl.col("soc_start_percent").first()) * battery.capacity_kwh / 100
    slack = battery.capacity_kwh * SOC_STEP_PERCENT / 100 + LARGEST_ERROR_KWH
    return (
        observations.sort("slot_start")
        .with_columns(residual=residual, gained=gained, has_battery=has_battery)
        .group_by("local_day", hour_start=pl.col("slot_start").dt.truncate("1h"), maintain_order=True)
        .agg(
            pl.col("residual").count().alias("checked"),
            pl.col("residual").sum(),
            pl.col("has_battery").all(),
            off=((stored - pl.col("gained").sum()).abs() > slack + _TINY).fill_null(value=False),
        )
        .filter(pl.col("checked") == SLOTS_PER_HOUR, pl.col("residual").abs() > LARGEST_ERROR_KWH + _TINY)
        .select("hour_start", "has_battery", battery_off=pl.col("has_battery") & pl.col("off"))
    )


def _attributed(unbalanced: pl.DataFrame, compared: pl.DataFrame) -> pl.DataFrame:
    """Attribute each unbalanced hour to quantities by the rule of the module: `hour_start, quantity`."""
    verdicts = (
        compared.with_columns(quantity=_owner("quantity"))
        .group_by("hour_start", "quantity")
        .agg(pl.col("agrees").all())
    )
    wide = unbalanced
    for name in ATTRIBUTED:
        column = verdicts.filter(pl.col("quantity") == name).select("hour_start", pl.col("agrees").alias(f"_{name}"))
        wide = wide.join(column, on="hour_start", how="left")
    disagrees = pl.any_horizontal(pl.col(f"_{name}").not_().fill_null(value=False) for name in ATTRIBUTED)
    others = [name for name in ATTRIBUTED if name != "load"]
    unconfirmed = {name: pl.col(f"_{name}").is_null() for name in others}
    unconfirmed["battery"] &= pl.col("has_battery")
    load_confirmed = pl.col("_load").fill_null(value=False)
    attributed = (
        pl.when(pl.col("battery_off"))
        .then(pl.lit(["battery"]))
        .when(disagrees)
        .then(pl.lit([], pl.List(pl.String)))  # those are counted already
        .when(~load_confirmed | ~pl.any_horizontal(unconfirmed.values()))
        .then(pl.lit(["load"]))
        .otherwise(pl.concat_list(pl.when(test).then(pl.lit(name)) for name, test in unconfirmed.items()))
    )
    return wide.select("hour_start", quantity=attributed).explode("quantity").drop_nulls("quantity")
