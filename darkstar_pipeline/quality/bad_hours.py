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

from darkstar_pipeline.quality.graded_homes import CAPACITY, CHARGE_EFFICIENCY, DISCHARGE_EFFICIENCY, HAS_PV
from env.home_rows import HOME, by_home, total, with_home

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


def bad_hours(slots: pl.DataFrame, statistics: pl.DataFrame, timezone: str) -> pl.DataFrame:
    """Return the bad hours of some days.

    Args:
        slots: the whole slot grid of the days of each home by home and time, columns of `slot_observations` and those
            of `graded_homes`; null where nothing was read. Without PV an unread `pv_kwh` is zero.
        statistics: `site`, `hour_start` [UTC], `quantity` (keys of `QUANTITIES`), `energy_kwh` [kWh]; those of PV are
            ignored in homes without.
        timezone: IANA zone of the local days.

    Returns:
        A row a bad hour and quantity (`ATTRIBUTED`): `site, local_day, hour_start, quantity`.
    """
    compared = _compared(slots, statistics)
    unbalanced = _unbalanced(slots)
    if compared.is_empty() and unbalanced.is_empty():
        hour = slots.schema["slot_start"]
        return pl.DataFrame(schema={HOME: pl.String, "local_day": pl.Date, "hour_start": hour, "quantity": pl.String})
    disagreeing = compared.filter(pl.col("agrees").not_()).select(HOME, "hour_start", quantity=_owner("quantity"))
    both = pl.concat([disagreeing, _attributed(unbalanced, compared)]).unique()
    day = pl.col("hour_start").dt.convert_time_zone(timezone).dt.date().alias("local_day")
    days = slots.select(HOME, "local_day").unique()
    known = both.with_columns(day).join(days, on=[HOME, "local_day"], how="semi")
    return known.select(HOME, "local_day", "hour_start", "quantity")


def _compared(slots: pl.DataFrame, statistics: pl.DataFrame) -> pl.DataFrame:
    """Compare statistics, less those of PV in homes without."""
    if statistics.is_empty():
        return compared_hours(slots, statistics)
    dark = slots.filter(~pl.col(HAS_PV))[HOME].unique().implode()
    return compared_hours(slots, statistics.filter(~(pl.col(HOME).is_in(dark) & (pl.col("quantity") == "pv"))))


def _owner(column: str) -> pl.Expr:
    """Map charge and discharge to the battery."""
    return pl.when(pl.col(column).is_in(_BATTERY_PARTS)).then(pl.lit("battery")).otherwise(pl.col(column))


def compared_hours(observations: pl.DataFrame, statistics: pl.DataFrame) -> pl.DataFrame:
    """Compare each statistic whose four slots were all read.

    Args:
        observations: `slot_start`, `local_day` and the columns of `QUANTITIES`, of several homes with `site`.
        statistics: `hour_start` [UTC], `quantity` (keys of `QUANTITIES`), `energy_kwh` [kWh], with `site` as well then.

    Returns:
        `hour_start, quantity, read_kwh, statistic_kwh, agrees`, of several homes `site` in front.
    """
    offsets = [pl.duration(minutes=minutes) for minutes in range(0, _HOUR_MINUTES, _HOUR_MINUTES // SLOTS_PER_HOUR)]
    relevant = statistics.filter(pl.col("quantity").is_in(list(QUANTITIES)), pl.col("energy_kwh").is_finite())
    keys = by_home(observations, "hour_start", "quantity")
    if relevant.is_empty():
        figures = {"read_kwh": pl.Float64, "statistic_kwh": pl.Float64, "agrees": pl.Boolean}
        known = {HOME: pl.String, "hour_start": statistics.schema["hour_start"], "quantity": pl.String}
        return pl.DataFrame(schema={name: known[name] for name in keys} | figures)
    slots = with_home(relevant).with_columns(
        slot_start=pl.concat_list(pl.col("hour_start") + offset for offset in offsets)
    )
    read = with_home(observations).unpivot(
        list(QUANTITIES.values()), index=[HOME, "slot_start", "local_day"], variable_name="column", value_name="kwh"
    )
    named = {column: name for name, column in QUANTITIES.items()}
    read = read.drop_nulls("kwh").with_columns(quantity=pl.col("column").replace_strict(named))
    both = (total(pl.col("kwh")).alias("read_kwh"), pl.col("energy_kwh").first().alias("statistic_kwh"))
    off = (pl.col("read_kwh") - pl.col("statistic_kwh")).abs()
    return (
        slots.explode("slot_start")
        .join(read, on=[HOME, "slot_start", "quantity"], maintain_order="left")
        .group_by(HOME, "hour_start", "quantity", "local_day", maintain_order=True)
        .agg(*both, slots=pl.len())
        .filter(pl.col("slots") == SLOTS_PER_HOUR)
        .select(*keys, "read_kwh", "statistic_kwh", agrees=off <= LARGEST_ERROR_KWH + _TINY)
    )


def _unbalanced(slots: pl.DataFrame) -> pl.DataFrame:
    """Return the hours that do not balance: `site, hour_start`, whether a battery is measured, whether that is off."""
    if any(slots[name].null_count() == slots.height for name in ("load_kwh", "import_kwh", "export_kwh")):
        hour = slots.schema["slot_start"]
        return pl.DataFrame(
            schema={HOME: pl.String, "hour_start": hour, "has_battery": pl.Boolean, "battery_off": pl.Boolean}
        )
    charge, discharge = pl.col("batt_charge_kwh"), pl.col("batt_discharge_kwh")
    has_battery = charge.is_not_null() | discharge.is_not_null()
    absent = ~has_battery.any().over(HOME, "local_day")
    pv = pl.when(HAS_PV).then(pl.col("pv_kwh")).otherwise(pl.col("pv_kwh").fill_null(0.0))
    into = pl.when(absent).then(0.0).otherwise(charge)
    out_of = pl.when(absent).then(0.0).otherwise(discharge)
    appliances = pl.col("water_kwh").fill_null(0.0) + pl.col("ev_kwh").fill_null(0.0)
    residual = pl.col("load_kwh") + appliances + pl.col("export_kwh") + into - pv - out_of - pl.col("import_kwh")
    gained = pl.col(CHARGE_EFFICIENCY) * into - out_of / pl.col(DISCHARGE_EFFICIENCY)
    stored = (pl.col("soc_end_percent").last() - pl.col("soc_start_percent").first()) * pl.col(CAPACITY).first() / 100
    slack = pl.col(CAPACITY) * SOC_STEP_PERCENT / 100 + LARGEST_ERROR_KWH
    return (
        slots.with_columns(residual=residual, gained=gained, has_battery=has_battery)
        .group_by(HOME, "local_day", hour_start=pl.col("slot_start").dt.truncate("1h"), maintain_order=True)
        .agg(
            pl.col("residual").count().alias("checked"),
            pl.col(CAPACITY).first(),
            total(pl.col("residual")),
            pl.col("has_battery").all(),
            total(pl.col("gained")),
            stored=stored,
        )
        .filter(pl.col("checked") == SLOTS_PER_HOUR, pl.col("residual").abs() > LARGEST_ERROR_KWH + _TINY)
        .with_columns(off=((pl.col("stored") - pl.col("gained")).abs() > slack + _TINY).fill_null(value=False))
        .select(HOME, "hour_start", "has_battery", battery_off=pl.col("has_battery") & pl.col("off"))
    )


def _attributed(unbalanced: pl.DataFrame, compared: pl.DataFrame) -> pl.DataFrame:
    """Attribute each unbalanced hour to quantities by the rule of the module: `site, hour_start, quantity`."""
    verdicts = (
        compared.with_columns(quantity=_owner("quantity"))
        .group_by(HOME, "hour_start", "quantity")
        .agg(pl.col("agrees").all())
    )
    wide = unbalanced
    for name in ATTRIBUTED:
        column = verdicts.filter(pl.col("quantity") == name).select(
            HOME, "hour_start", pl.col("agrees").alias(f"_{name}")
        )
        wide = wide.join(column, on=[HOME, "hour_start"], how="left")
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
    return wide.select(HOME, "hour_start", quantity=attributed).explode("quantity").drop_nulls("quantity")
