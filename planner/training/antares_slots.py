"""Training data of policies: the slots of graded days, and a row a day with its settlement and costs.

A day graded `mask_battery` has a house and prices to learn from but no battery: its battery readings are null here, so
that nobody learns from them by mistake. Refused days, and days that are not whole, are left out.
"""

from collections.abc import Sequence

import polars as pl

from env.site import Site
from env.time_grid import slot_count
from planner.errors import DatasetVersionError
from planner.forecasts.central import central_forecasts
from planner.replay.usable_slots import usable_slots

DATASET_VERSIONS = ("v1",)
MASKED = "mask_battery"
MPC = "mpc"
BATTERY_READINGS = ("batt_charge_kwh", "batt_discharge_kwh", "soc_start_percent", "soc_end_percent")
_REQUIRED = ("import_price", "export_price", "load_kwh", "pv_kwh")
_MPC_COLUMNS = {"charge_kw": "battery_charge_kw", "discharge_kw": "battery_discharge_kw", "export_kw": "export_kw"}
SLOT_COLUMNS = (
    "slot_start", "local_day", "quality", "battery_masked", "import_price", "export_price", "load_kwh", "pv_kwh",
    "load_forecast_kwh", "pv_forecast_kwh", *BATTERY_READINGS, "soc_kwh", *_MPC_COLUMNS.values(),
)  # fmt: skip
COSTED_POLICIES = ("idle", "self_consumption", "mpc", "value", "oracle")


def check_version(dataset_version: str) -> None:
    """Refuse a version that does not exist.

    Raises:
        DatasetVersionError: names those that do.
    """
    if dataset_version not in DATASET_VERSIONS:
        message = f"dataset version {dataset_version!r} is not known; known: {', '.join(DATASET_VERSIONS)}"
        raise DatasetVersionError(message)


def antares_slots(
    observations: pl.DataFrame,
    prices: pl.DataFrame,
    quality: pl.DataFrame,
    forecasts: pl.DataFrame,
    schedules: pl.DataFrame,
    site: Site,
    *,
    has_pv: bool,
) -> pl.DataFrame:
    """Slots to train on, dataset version v1.

    Args:
        observations: the whole grid of `slot_observations`.
        prices: `slot_start, price`, repaired.
        quality: `day, status`.
        forecasts: `slot_forecasts`; the median made when the slot's own day began is taken.
        schedules: `policy_schedules`; MPC's are taken.
        site: tariff and time zone.
        has_pv: whether the home has panels; without, a missing PV reading is 0.

    Returns:
        `SLOT_COLUMNS`, in order of time: prices all in [money/kWh], energies [kWh], the battery's own readings (null
        where `battery_masked`), and MPC's stored energy at the slot's start `soc_kwh` [kWh] with its command
        `battery_charge_kw, battery_discharge_kw, export_kw` [kW] (null where MPC was not replayed).
    """
    slots = _complete_days(usable_slots(observations, prices, quality, site, has_pv=has_pv), site)
    grades = quality.select(pl.col("day").alias("local_day"), pl.col("status").alias("quality"))
    central = central_forecasts(forecasts).rename(
        {"load_forecast": "load_forecast_kwh", "pv_forecast": "pv_forecast_kwh"}
    )
    mpc = schedules.filter(pl.col("policy") == MPC).select(
        "slot_start", soc_kwh="soc_start_kwh", **{name: column for column, name in _MPC_COLUMNS.items()}
    )
    masked = pl.col("quality") == MASKED
    read = [pl.when(~masked).then(name).alias(name) for name in BATTERY_READINGS]
    return (
        slots.join(grades, on="local_day", how="left")
        .join(observations.select("slot_start", *BATTERY_READINGS), on="slot_start", how="left")
        .join(central, on=["slot_start", "local_day"], how="left")
        .join(mpc, on="slot_start", how="left")
        .with_columns(masked.alias("battery_masked"), *read)
        .select(SLOT_COLUMNS)
        .sort("slot_start")
    )


def _complete_days(slots: pl.DataFrame, site: Site) -> pl.DataFrame:
    """Return days with every price and core reading."""
    known = pl.all_horizontal(pl.col(_REQUIRED).is_finite()).fill_null(False)  # noqa: FBT003 - Polars' word
    complete = slots.filter(known)
    expected = {day: slot_count(day, site.timezone) for day in complete["local_day"].unique().to_list()}
    full = pl.col("local_day").replace_strict(expected, default=0, return_dtype=pl.Int64)
    return complete.filter(pl.len().over("local_day") == full)


def training_episodes(
    results: pl.DataFrame, quality: pl.DataFrame, site: Site, *, homes: Sequence[str] = ()
) -> pl.DataFrame:
    """Return a row a training day: grade, start, settlement, and costs of policies.

    Args:
        results: daily results of policies and oracle, `day, policy, cost, start_soc_kwh, settlement_value`.
        quality: `day, status`.
        site: time zone.
        homes: columns of both frames that tell homes apart which have the time zone in common.

    Returns:
        Those columns, then
        `day, dataset_version, quality, battery_masked, n_slots, start_soc_kwh, settlement_value, idle_cost,
        self_consumption_cost, mpc_cost, value_cost, oracle_cost`; a cost is null where the policy was not replayed.
    """
    grades = quality.select(*homes, "day", pl.col("status").alias("quality"))
    costs = [
        pl.col("cost").filter(pl.col("policy") == policy).first().alias(f"{policy}_cost") for policy in COSTED_POLICIES
    ]
    days = results.group_by(*homes, "day").agg(
        pl.col("start_soc_kwh").first(), pl.col("settlement_value").first(), *costs
    )
    counts = {day: slot_count(day, site.timezone) for day in days["day"].to_list()}
    return (
        days.join(grades, on=[*homes, "day"], how="inner")
        .with_columns(
            pl.lit(DATASET_VERSIONS[-1]).alias("dataset_version"),
            (pl.col("quality") == MASKED).alias("battery_masked"),
            pl.col("day").replace_strict(counts, default=0, return_dtype=pl.Int32).alias("n_slots"),
        )
        .select(
            *homes,
            "day",
            "dataset_version",
            "quality",
            "battery_masked",
            "n_slots",
            "start_soc_kwh",
            "settlement_value",
            *(f"{policy}_cost" for policy in COSTED_POLICIES),
        )
        .sort(*homes, "day")
    )
