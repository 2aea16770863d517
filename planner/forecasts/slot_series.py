"""A home's history as dense arrays on the slot grid, read only through cuts.

The leakage rule is in two functions: `seen` gives nothing from a vintage on, and `Running.between` sums only what ended
before it. Features are computed from them, many vintages at once, column by column.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import holidays
import numpy as np
import polars as pl

from env.inverter import Energy
from env.time_grid import SLOT, SLOT_DTYPE, SLOT_MINUTES, zone
from env.types import Integers
from planner.errors import NoReadingsError

DAY_SLOTS = 96  # of 24 hours: a lag, not a local day
AHEAD = 8 * DAY_SLOTS  # slots after the last reading that can be forecast
NEVER = 2**40  # index of a slot that does not come
ISSUE_HOURS = 4
"""At the vintages of training, every four hours from midnight, no later forecast then hides what was known."""
EXTERNAL_FORECASTS = ("temp_c", "cloud", "irradiance", "pv_expected_kwh", "vacation", "alarm")


@dataclass(frozen=True, kw_only=True)
class SlotSeries:
    """Readings and external forecasts of a home, slot by slot.

    Attributes:
        start: first slot (UTC).
        load_kwh: readings of the load, nan where there is none `(n,)` [kWh].
        pv_kwh: readings of PV, nan where there is none `(n,)` [kWh].
        external: external forecasts of each slot by name of `EXTERNAL_FORECASTS`, the oldest issue first
            `(n_issues, n)`; only those that exist.
        known_from: index of the slot from whose start on each issue was known, ascending `(n_issues, n)`.
        clock: slots since local midnight by the wall clock.
        offset: local clock minus UTC [slots].
        weekday: 1 for Monday to 7.
        day_of_year: 1 to 366.
        holiday: 1 on public holidays.
    """

    start: datetime
    load_kwh: Energy
    pv_kwh: Energy
    external: dict[str, Energy]
    known_from: Integers
    clock: Integers
    offset: Integers
    weekday: Integers
    day_of_year: Integers
    holiday: Energy

    def __len__(self) -> int:
        return len(self.load_kwh)

    def index(self, moment: datetime) -> int:
        """Index of the slot that starts at a moment."""
        return int((moment - self.start) / SLOT)

    def days_before(self, slots: Integers, days: Integers | int) -> Integers:
        """Return the slots some days earlier at the same wall clock; -1 before the start."""
        moved = slots - DAY_SLOTS * np.asarray(days)
        inside = np.maximum(moved, 0)
        found = moved + self.offset[slots] - self.offset[inside]
        return np.where(moved >= 0, found, -1)


def slot_series(
    history: pl.DataFrame, timezone: str, *, external: pl.DataFrame | None = None, country: str | None = None
) -> SlotSeries:
    """Arrange readings on the grid, with `AHEAD` slots after the last.

    Args:
        history: `slot_start, load_kwh, pv_kwh`; null or nan where nothing was read.
        timezone: time zone of the site.
        external: external forecasts: `slot_start, known_at` (UTC) and any of `EXTERNAL_FORECASTS`, a row per issue;
            None without. Of the forecasts of a slot issued within `ISSUE_HOURS` of the local clock, the last is kept.
        country: whose public holidays count (ISO 3166); None for none.
    """
    first, last = history["slot_start"].min(), history["slot_start"].max()
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        message = "no readings, nothing to forecast from; import the home's readings first"
        raise NoReadingsError(message)
    whole = pl.datetime_range(first, last + AHEAD * SLOT, SLOT, time_unit="us", time_zone="UTC", eager=True)
    readings = history.select("slot_start", pl.col("load_kwh", "pv_kwh").cast(pl.Float64).fill_nan(None))
    read = pl.DataFrame({"slot_start": whole.cast(SLOT_DTYPE)}).join(
        readings, on="slot_start", how="left", maintain_order="left"
    )
    local = whole.dt.convert_time_zone(zone(timezone).key)
    offset = (local.dt.base_utc_offset() + local.dt.dst_offset()).dt.total_minutes() // SLOT_MINUTES
    forecasts, known_from = _external_forecasts(external, whole.cast(SLOT_DTYPE), first, timezone)
    return SlotSeries(
        start=first,
        load_kwh=_array(read["load_kwh"]),
        pv_kwh=_array(read["pv_kwh"]),
        external=forecasts,
        known_from=known_from,
        clock=((local.dt.hour().cast(pl.Int64) * 60 + local.dt.minute()) // SLOT_MINUTES).to_numpy(),
        offset=offset.cast(pl.Int64).to_numpy(),
        weekday=local.dt.weekday().cast(pl.Int64).to_numpy(),
        day_of_year=local.dt.ordinal_day().cast(pl.Int64).to_numpy(),
        holiday=_holiday(local.dt.date(), country),
    )


def _external_forecasts(
    external: pl.DataFrame | None, slots: pl.Series, first: datetime, timezone: str
) -> tuple[dict[str, Energy], Integers]:
    if external is None:
        return {}, np.full((1, len(slots)), NEVER)
    names = [name for name in EXTERNAL_FORECASTS if name in external.columns]
    at = ((pl.col("known_at") - first) / timedelta(minutes=SLOT_MINUTES)).ceil().cast(pl.Int64)
    # What is known at a midnight was issued in the last hours of the day before.
    issued = (pl.col("known_at") - pl.duration(microseconds=1)).dt.convert_time_zone(timezone)
    issued_in = pl.struct(issued.dt.date().alias("day"), (issued.dt.hour() // ISSUE_HOURS).alias("part"))
    issues = (
        external.select("slot_start", "known_at", *(pl.col(name).cast(pl.Float64).fill_nan(None) for name in names))
        .join(pl.DataFrame({"slot_start": slots}).with_row_index("slot"), on="slot_start")
        .sort("slot", "known_at")
        # A later issue that leaves a value out does not withdraw it.
        .with_columns(pl.col(names).forward_fill().over("slot"))
        .with_columns(at=at, issued_in=issued_in)
        .unique(["slot", "issued_in"], keep="last", maintain_order=True)
        .with_columns(issue=pl.int_range(pl.len()).over("slot"))
    )
    n_issues = int(issues["issue"].max() or 0) + 1  # pyright: ignore[reportArgumentType] - Polars types a maximum loosely
    place = (issues["issue"].to_numpy(), issues["slot"].to_numpy())
    known_from = np.full((n_issues, len(slots)), NEVER)
    known_from[place] = issues["at"].to_numpy()
    forecasts: dict[str, Energy] = {}
    for name in names:
        forecasts[name] = np.full((n_issues, len(slots)), np.nan)
        forecasts[name][place] = _array(issues[name])
    return forecasts, known_from


def _holiday(dates: pl.Series, country: str | None) -> Energy:
    if country is None:
        return np.zeros(len(dates))
    years = range(int(dates.dt.year().min() or 0), int(dates.dt.year().max() or 0) + 1)  # pyright: ignore[reportArgumentType] - Polars types a minimum loosely
    free = pl.Series(list(holidays.country_holidays(country, years=years)), dtype=pl.Date)
    return dates.is_in(free.implode()).cast(pl.Float64).to_numpy()


def _array(values: pl.Series) -> Energy:
    return values.to_numpy().astype(np.float64)


def readings_before(values: Energy, slots: Integers, vintage: Integers) -> Energy:
    """Return readings of slots that had ended at the vintage, nan for the others."""
    known = (slots >= 0) & (slots < vintage)
    return np.where(known, values[np.where(known, slots, 0)], np.nan)


def external_forecast(series: SlotSeries, name: str, slots: Integers, vintage: Integers) -> Energy:
    """Return the latest external forecast of slots that was known at the vintage, nan without one."""
    inside = np.clip(slots, 0, len(series) - 1)
    n_known = (series.known_from[:, inside] <= vintage).sum(axis=0)
    known = (slots == inside) & (n_known > 0)
    return np.where(known, series.external[name][np.maximum(n_known, 1) - 1, inside], np.nan)


class RunningSums:
    """Sums of readings between slots.

    Args:
        values: readings, nan where there is none.
    """

    def __init__(self, values: Energy) -> None:
        read = np.isfinite(values)
        self._total = np.concatenate([[0.0], np.cumsum(np.where(read, values, 0.0))])
        self._count = np.concatenate([[0], np.cumsum(read)])

    def total(self, first: Integers, end: Integers) -> Energy:
        """Sum of the readings of slots `first` to `end`, half open."""
        return self._total[end] - self._total[np.maximum(first, 0)]

    def mean(self, first: Integers, end: Integers) -> Energy:
        """Return the mean of the readings of slots `first` to `end`, half open; nan without any."""
        count = self._count[end] - self._count[np.maximum(first, 0)]
        return np.where(count > 0, self.total(first, end) / np.maximum(count, 1), np.nan)
