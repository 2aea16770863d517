"""Features of (vintage, slot) pairs for Aurora, computed column by column from data known at the vintage.

Every reading comes through `readings_before` or `RunningSums` up to the vintage, every external forecast through
`external_forecast`. A forecast is a base
the home itself gives (mean of its last days; clear sky) and what the model has learned of the rest.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from env.inverter import Energy
from env.types import Integers
from planner.forecasts.clear_sky import ClearSky, PvSystem, day_starts
from planner.forecasts.slot_series import DAY_SLOTS, RunningSums, SlotSeries, external_forecast, readings_before

PROFILE_DAYS = 7
LONG_DAYS = 14
LEAST_SHARE = 0.05  # of a slot's peak that clear sky must reach before PV seen is a share of it
WIDE = (-2, -1, 0, 1, 2)  # slots around one, whose mean is steadier
WINDOWS = (1, 4, 16)  # slots back: the last, the last hour, the last four
EXPECTED_FEATURES = ("expected", "expected_near", "expected_day")
"""Features of an external PV forecast of the slots ahead."""


@dataclass(frozen=True)
class PairFeatures:
    """Features of pairs of a vintage and a slot.

    Attributes:
        names: names of the features.
        values: features `(n_pairs, n_features)`, nan where nothing is known.
        base: the forecast without learning `(n_pairs,)` [kWh].
    """

    names: tuple[str, ...]
    values: Energy
    base: Energy


@dataclass
class AuroraHome:
    """A home whose features can be computed.

    Attributes:
        series: readings and external forecasts.
        panels: location and orientation of the panels; None if unknown.
    """

    series: SlotSeries
    panels: PvSystem | None = None
    _sums: dict[str, RunningSums] = field(default_factory=dict[str, RunningSums], init=False)

    @cached_property
    def clear_sky(self) -> ClearSky:
        """Its clear-sky PV."""
        return ClearSky(self.series, self.panels)

    @cached_property
    def load_errors(self) -> Energy:
        """Load of each slot less the mean of the days before it, as known at its own midnight [kWh]."""
        slots = np.arange(len(self.series))
        return self.series.load_kwh - _mean(self._days(self.series.load_kwh, slots, slots, PROFILE_DAYS))

    @cached_property
    def clear_by_slot(self) -> Energy:
        """Clear-sky PV of each slot from days before it, nan where PV was not read [kWh]."""
        slots = np.arange(len(self.series))
        return np.where(np.isfinite(self.series.pv_kwh), self.clear_sky.at(slots, slots), np.nan)

    def running_sums(self, name: str) -> RunningSums:
        """Sums of one of `load`, `load_error`, `pv`, `clear`, `expected`."""
        if name not in self._sums:
            self._sums[name] = RunningSums(self._summed(name))
        return self._sums[name]

    def _summed(self, name: str) -> Energy:
        if name == "expected":
            slots = np.arange(len(self.series))
            expected = external_forecast(self.series, "pv_expected_kwh", slots, slots)
            return np.where(np.isfinite(self.series.pv_kwh), expected, np.nan)
        sources = {
            "load": lambda: self.series.load_kwh,
            "load_error": lambda: self.load_errors,
            "pv": lambda: self.series.pv_kwh,
            "clear": lambda: self.clear_by_slot,
        }
        return np.asarray(sources[name](), dtype=np.float64)

    def _days(self, values: Energy, slots: Integers, vintage: Integers, n_days: int) -> Energy:
        """Return readings at the same wall clock of the last `n_days` that had ended `(n_days, n_pairs)`."""
        nearest = (slots - vintage) // DAY_SLOTS + 1
        return np.stack(
            [readings_before(values, self.series.days_before(slots, nearest + back), vintage) for back in range(n_days)]
        )

    def load(self, vintage: Integers, slots: Integers) -> PairFeatures:
        """Return features and base of the load.

        Args:
            vintage: index of the slot at whose start the forecast is made `(n_pairs,)`.
            slots: index of the slot forecast, not before the vintage `(n_pairs,)`.
        """
        series, read = self.series, self.series.load_kwh
        days = self._days(read, slots, vintage, LONG_DAYS)
        nearest = (slots - vintage) // DAY_SLOTS + 1
        around = np.stack(
            [
                readings_before(read, _shifted(series.days_before(slots, nearest + back), by), vintage)
                for back in range(PROFILE_DAYS)
                for by in WIDE
            ]
        )
        profile, smooth = _mean(days[:PROFILE_DAYS]), _mean(around)
        columns = {
            "profile": profile,
            "long_profile": _mean(days),
            "smooth_profile": smooth,
            "smooth_last": _mean(around[: len(WIDE)]),
            "spread": _spread(days[:PROFILE_DAYS]),
            "day_before": days[0],
            "day_before_that": days[1],
            "week_before": readings_before(read, series.days_before(slots, 7 * ((nearest + 6) // 7)), vintage),
            "last_day": self.running_sums("load").mean(vintage - DAY_SLOTS, vintage),
            "last_week": self.running_sums("load").mean(vintage - 7 * DAY_SLOTS, vintage),
            "error_day": self.running_sums("load_error").mean(vintage - DAY_SLOTS, vintage),
        }
        for back in WINDOWS:
            columns[f"last_{back}"] = self.running_sums("load").mean(vintage - back, vintage)
            columns[f"error_{back}"] = self.running_sums("load_error").mean(vintage - back, vintage)
        columns |= self._calendar(vintage, slots) | self._weather(vintage, slots)
        base = np.where(np.isfinite(profile), 0.5 * (profile + smooth), columns["last_week"])
        return _as_features(columns, base)

    def pv(self, vintage: Integers, slots: Integers) -> PairFeatures:
        """Return features and base of PV; the base is the clear sky."""
        clear = self.clear_sky.at(slots, vintage)
        today = day_starts(self.series, vintage)
        days = self._days(self.series.pv_kwh, slots, vintage, PROFILE_DAYS)
        columns = {
            "same_1": _share(days[0], clear),
            "same_3": _share(_mean(days[:3]), clear),
            "same_7": _share(_mean(days), clear),
            "seen_today": self._pv_share("clear", today, vintage),
            "seen_day": self._pv_share("clear", vintage - DAY_SLOTS, vintage),
            "yesterday": self._pv_share("clear", today - DAY_SLOTS, today),
            "days_3": self._pv_share("clear", today - 3 * DAY_SLOTS, today),
            "days_7": self._pv_share("clear", today - 7 * DAY_SLOTS, today),
            "clear": _share(clear, self.clear_sky.peak(vintage)),
        }
        for back in WINDOWS:
            columns[f"seen_{back}"] = self._pv_share("clear", vintage - back, vintage)
        if "pv_expected_kwh" in self.series.external:
            columns |= self._external_pv(vintage, slots, today, clear)
        return _as_features(columns | self._calendar(vintage, slots) | self._weather(vintage, slots), clear)

    def _external_pv(self, vintage: Integers, slots: Integers, today: Integers, clear: Energy) -> dict[str, Energy]:
        """Return features of an external PV forecast and of its errors so far."""
        near = np.stack([external_forecast(self.series, "pv_expected_kwh", slots + by, vintage) for by in range(-4, 5)])
        ahead = np.stack(
            [external_forecast(self.series, "pv_expected_kwh", today + by, vintage) for by in range(0, DAY_SLOTS, 2)]
        )
        clear_day = np.stack([self.clear_sky.at(today + by, today) for by in range(0, DAY_SLOTS, 2)]).sum(axis=0)
        return {
            "expected": _share(near[4], clear),
            "expected_near": _share(_mean(near), clear),
            # Without any forecast of the day it is unknown, not dark.
            "expected_day": _share(
                np.where(np.isfinite(ahead).any(axis=0), np.nansum(ahead, axis=0), np.nan), clear_day
            ),
            "kept_16": self._pv_share("expected", vintage - 16, vintage),
            "kept_today": self._pv_share("expected", today, vintage),
            "kept_yesterday": self._pv_share("expected", today - DAY_SLOTS, today),
        }

    def _pv_share(self, of: str, first: Integers, end: Integers) -> Energy:
        """PV read between two slots as a share of `clear` or `expected`."""
        whole = self.running_sums(of).total(first, end)
        bright = whole > LEAST_SHARE * self.clear_sky.peak(end)
        return np.where(bright, self.running_sums("pv").total(first, end) / np.where(bright, whole, 1.0), np.nan)

    def _calendar(self, vintage: Integers, slots: Integers) -> dict[str, Energy]:
        series = self.series
        return {
            "clock": series.clock[slots].astype(np.float64),
            "utc_clock": (series.clock[slots] - series.offset[slots]).astype(np.float64),
            "weekday": series.weekday[slots].astype(np.float64),
            "day_of_year": series.day_of_year[slots].astype(np.float64),
            "free_day": np.maximum(series.weekday[slots] > 5, series.holiday[slots]),  # noqa: PLR2004 - Saturday on
            "lead": (slots - vintage).astype(np.float64),
        }

    def _weather(self, vintage: Integers, slots: Integers) -> dict[str, Energy]:
        names = [name for name in self.series.external if name != "pv_expected_kwh"]
        return {name: external_forecast(self.series, name, slots, vintage) for name in names}


def _as_features(columns: dict[str, Energy], base: Energy) -> PairFeatures:
    return PairFeatures(tuple(columns), np.column_stack(list(columns.values())), base)


def _shifted(slots: Integers, by: int) -> Integers:
    return np.where(slots >= 0, slots + by, -1)


def _mean(values: Energy) -> Energy:
    """Return the mean over the first axis of what is known, nan where nothing is."""
    count = np.isfinite(values).sum(axis=0)
    return np.where(count > 0, np.nansum(values, axis=0) / np.maximum(count, 1), np.nan)


def _spread(values: Energy) -> Energy:
    return np.sqrt(np.maximum(_mean(values**2) - _mean(values) ** 2, 0.0))


def _share(part: Energy, whole: Energy) -> Energy:
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1.0), np.nan)
