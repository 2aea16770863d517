"""Homes whose readings have something wrong with them, each in its own way, in frames of many homes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from darkstar_pipeline.quality.bad_hours import QUANTITIES
from darkstar_pipeline.quality.graded_homes import GradedHome
from env.battery import Battery
from env.time_grid import grid

Columns = dict[str, NDArray[np.float64]]
DAY = 96


@dataclass(frozen=True)
class FaultyHomes:
    """Homes by name, and their tables with `site`: readings without some slots, hourly statistics, prices."""

    homes: Mapping[str, GradedHome]
    readings: pl.DataFrame
    statistics: pl.DataFrame
    prices: pl.DataFrame
    remarks: pl.DataFrame


def faulty_homes(first: date, last: date, timezone: str, seed: int) -> FaultyHomes:
    """A home for each fault, one with none, and some with a few at a time; those named `dark…` have no panels."""
    rng = np.random.default_rng(seed)
    names = ["plain", "dark plain", *FAULTS, *(f"dark {name}" for name in ("gap", "late", "uneven", "statistics"))]
    wrong = {name: [name.removeprefix("dark ")] for name in names}
    wrong |= {f"mixed {number}": rng.choice(list(FAULTS), 3, replace=False).tolist() for number in range(4)}
    slots = grid(first, last, timezone)
    tables: list[list[pl.DataFrame]] = [[], [], [], []]
    for name, faults in wrong.items():
        columns = _balanced(slots.height, rng, has_pv=not name.startswith("dark"))
        for fault in faults:
            FAULTS.get(fault, _nothing)(columns, slots, rng)
        rows = slots.with_columns(pl.Series(key, values).fill_nan(None) for key, values in columns.items())
        own = pl.lit(name).alias("site")
        read = rows.filter(pl.any_horizontal(pl.col(column).is_not_null() for column in QUANTITIES.values()))
        tables[0].append(read.with_columns(own))
        tables[1].append(_statistics(rows, rng, off="statistics" in faults).with_columns(own))
        tables[2].append(_prices(slots, rng, faults).with_columns(own))
        tables[3].append(_remarks(rows).with_columns(own))
    homes = {name: GradedHome(_battery(rng), has_pv=not name.startswith("dark")) for name in wrong}
    return FaultyHomes(homes, *(pl.concat(frames) for frames in tables))


def _battery(rng: np.random.Generator) -> Battery:
    return Battery.from_percent(
        capacity_kwh=float(rng.uniform(4, 20)),
        min_soc_percent=5,
        max_soc_percent=100,
        charge_kw=5,
        discharge_kw=5,
        round_trip_efficiency=float(rng.uniform(0.8, 1)),
        wear_cost=0,
    )


def _balanced(n: int, rng: np.random.Generator, *, has_pv: bool) -> Columns:
    """Readings that balance, of a home whose battery rests."""
    hour = np.arange(n) % DAY / 4
    load = np.round(rng.uniform(0.5, 2) * (0.2 + 0.15 * (hour > 16) + 0.1 * rng.random(n)), 4)
    sun = np.clip(np.sin((hour - 6) / 12 * np.pi), 0, None) * rng.uniform(0.7, 1, n)
    pv = np.round(sun * rng.uniform(0.2, 1), 4) if has_pv else np.full(n, np.nan)
    net = load - np.nan_to_num(pv)
    return {
        "load_kwh": load,
        "pv_kwh": pv,
        "import_kwh": np.clip(net, 0, None),
        "export_kwh": np.clip(-net, 0, None),
        "batt_charge_kwh": np.zeros(n),
        "batt_discharge_kwh": np.zeros(n),
        "soc_start_percent": np.full(n, 50.0),
        "soc_end_percent": np.full(n, 50.0),
    }


def _statistics(rows: pl.DataFrame, rng: np.random.Generator, *, off: bool) -> pl.DataFrame:
    """Sums of hours of load and PV, some of which are wrong."""
    hour = pl.col("slot_start").dt.truncate("1h").alias("hour_start")
    sums = rows.group_by(hour, maintain_order=True).agg(load=pl.col("load_kwh").sum(), pv=pl.col("pv_kwh").sum())
    found = sums.unpivot(index="hour_start", variable_name="quantity", value_name="energy_kwh")
    wrong = 0.5 * (rng.random(found.height) < 0.1) * off
    return found.with_columns(pl.col("energy_kwh") + pl.Series(wrong)).filter(pl.Series(rng.random(found.height) < 0.5))


def _prices(slots: pl.DataFrame, rng: np.random.Generator, faults: list[str]) -> pl.DataFrame:
    price = np.round(rng.normal(0.5, 0.4, slots.height), 5)  # some below zero
    price[:] = 0.0 if "zero prices" in faults else price
    price[40 : 40 + 9 * ("no prices" in faults)] = np.nan
    frame = slots.select("slot_start").with_columns(price=pl.Series(price).fill_nan(None), repaired=pl.lit(value=False))
    return frame.drop_nulls("price")


def _remarks(rows: pl.DataFrame) -> pl.DataFrame:
    """The first gap of a home was refused by its import, and its last slot altered."""
    gone = rows.filter(pl.col("load_kwh").is_null()).head(3)
    altered = rows.tail(1)
    parts = [("refused", gone), ("altered", altered)]
    return pl.concat(
        part.select(
            "local_day",
            pl.lit("load_kwh").alias("quantity"),
            pl.lit(action).alias("action"),
            pl.col("slot_start").alias("first_slot"),
            pl.col("slot_start").alias("last_slot"),
            pl.lit(f"{action} for a reason").alias("reason"),
            pl.lit("file").alias("source"),
            pl.lit(1).alias("readings"),
        )
        for action, part in parts
    )


def _nothing(columns: Columns, slots: pl.DataFrame, rng: np.random.Generator) -> None:
    """Leave a home as it is."""


def _place(columns: Columns, rng: np.random.Generator, length: int) -> slice:
    """A stretch somewhere in the range."""
    start = int(rng.integers(1, max(2, len(columns["load_kwh"]) - length)))
    return slice(start, start + length)


def _late(columns: Columns, slots: pl.DataFrame, _: np.random.Generator) -> None:
    """A home that came the day before the last."""
    known = slots["local_day"].to_numpy() >= np.datetime64(slots["local_day"][-1] - timedelta(days=1))
    for name in columns:
        columns[name][~known] = np.nan


def _gap(columns: Columns, _: pl.DataFrame, rng: np.random.Generator) -> None:
    columns["load_kwh"][_place(columns, rng, 5)] = np.nan


def _lost_day(columns: Columns, _: pl.DataFrame, rng: np.random.Generator) -> None:
    where = _place(columns, rng, DAY)
    for values in columns.values():
        values[where] = np.nan


def _hourly(columns: Columns, *_: object) -> None:
    """An hourly source whose hours were split, with a spike and a zero in two of them."""
    for name in ("load_kwh", "pv_kwh"):
        values = columns[name]
        hours = np.add.reduceat(values, np.arange(0, len(values), 4))
        values[:] = np.repeat(hours / 4, 4)[: len(values)]
    columns["load_kwh"][40:44] = 20.0


def _soc(columns: Columns, _: pl.DataFrame, rng: np.random.Generator) -> None:
    columns["soc_end_percent"][_place(columns, rng, 1)] = 120.0
    columns["soc_start_percent"][_place(columns, rng, 3)] = np.nan


def _uneven(columns: Columns, _: pl.DataFrame, rng: np.random.Generator) -> None:
    """Flows that do not balance for some hours."""
    columns["import_kwh"][_place(columns, rng, 30)] += rng.uniform(0.1, 0.4)


def _battery_off(columns: Columns, _: pl.DataFrame, rng: np.random.Generator) -> None:
    """A battery that charges although its state of charge stays."""
    columns["batt_charge_kwh"][_place(columns, rng, 20)] = 0.7


def _changed(length: int, change: Callable[[NDArray[np.float64]], NDArray[np.float64]], name: str = "load_kwh"):
    def fault(columns: Columns, _: pl.DataFrame, rng: np.random.Generator) -> None:
        where = _place(columns, rng, length)
        columns[name][where] = change(columns[name][where])

    return fault


def _on_a_day(change: Callable[[NDArray[np.float64]], NDArray[np.float64]], name: str, place: slice):
    """A fault at given slots of the last day but one."""

    def fault(columns: Columns, slots: pl.DataFrame, _: np.random.Generator) -> None:
        days = slots["local_day"].to_numpy()
        day = np.flatnonzero(days == np.unique(days)[-2:][0])[place]
        columns[name][day] = change(columns[name][day])

    return fault


def _day_before(columns: Columns, slots: pl.DataFrame, _: np.random.Generator) -> None:
    """The total of the day before, at midnight."""
    days = slots["local_day"].to_numpy()
    every = np.unique(days)[-2:]
    if len(every) > 1:
        columns["load_kwh"][np.flatnonzero(days == every[1])[0]] += columns["load_kwh"][days == every[0]].sum()


FAULTS: dict[str, Callable[[Columns, pl.DataFrame, np.random.Generator], None]] = {
    "late": _late,
    "gap": _gap,
    "lost day": _lost_day,
    "hourly": _hourly,
    "soc": _soc,
    "uneven": _uneven,
    "battery off": _battery_off,
    "statistics": _nothing,
    "zero prices": _nothing,
    "no prices": _nothing,
    "stuck": _changed(12, lambda kwh: kwh * 0 + kwh[0]),
    "stuck sun": _on_a_day(lambda kwh: kwh * 0 + 0.4, "pv_kwh", slice(44, 56)),
    "below base": _changed(20, lambda kwh: kwh * 0.05),
    "still": _changed(60, lambda kwh: kwh * 0),
    "later": _changed(6, lambda kwh: np.append(kwh[:-1] * 0, kwh.sum())),
    "spike": _changed(1, lambda kwh: kwh * 0 + 40.0),
    "ten times": _on_a_day(lambda kwh: kwh * 10, "load_kwh", slice(None)),
    "night sun": _on_a_day(lambda kwh: kwh * 0 + 0.6, "pv_kwh", slice(0, 3)),
    "day before": _day_before,
}
