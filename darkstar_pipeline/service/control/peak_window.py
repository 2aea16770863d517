"""The running period of the demand charge: what has been imported in it, and the mean that may stand at its end."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from darkstar_pipeline.service.schemas.plans import PlanDocument
from env.power_tariff import MonthState, PowerTariff, weighted_periods
from env.site import Site
from env.time_grid import slot_of, zone

LEAST_HOURS = 1 / 60
"""The last minute of a period allows no more than the minute before: sensors and inverters are slower [h]."""


@dataclass(frozen=True)
class PeakWindow:
    """A period and the mean import that costs nothing more, or that the plan accepts.

    Attributes:
        start: begin of the period.
        end: its end.
        level_kw: the mean [kW].
    """

    start: datetime
    end: datetime
    level_kw: float


class WindowMeter:
    """Measures the import of the running period.

    Args:
        monotonic: seconds that only rise [s].
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._start: datetime | None = None
        self._kwh = 0.0
        self._at = 0.0

    def allowed_kw(self, window: PeakWindow, import_kw: float, now: datetime) -> float:
        """Return the import that may flow for the rest of the period [kW].

        Of a period that began before the first look, the level is taken to have flowed so far.

        Args:
            window: the period.
            import_kw: that flows now [kW].
            now: the moment.
        """
        at, elapsed = self._monotonic(), (now - window.start).total_seconds() / 3600
        if self._start != window.start:
            known = self._start is not None and self._start + (window.end - window.start) == window.start
            self._start, self._kwh = window.start, import_kw * elapsed if known else window.level_kw * elapsed
        else:
            self._kwh += import_kw * max(at - self._at, 0.0) / 3600
        self._at = at
        hours = (window.end - window.start).total_seconds() / 3600
        return max((window.level_kw * hours - self._kwh) / max(hours - elapsed, LEAST_HOURS), 0.0)


def peak_window(site: Site, plan: PlanDocument, now: datetime) -> PeakWindow | None:
    """Return the running period that is held lowest; None where power is not charged now, or the peaks are not known.

    Args:
        site: the home.
        plan: in force, with the month's peaks.
        now: the moment.
    """
    tariffs = site.tariff.charges_of(now.astimezone(zone(site.timezone)).date())
    if len(plan.month) != len(tariffs):
        return None
    windows = [
        window
        for tariff, state in zip(tariffs, plan.month, strict=True)
        if (window := _window(tariff, state, site, plan, now)) is not None
    ]
    return min(windows, key=lambda window: window.level_kw, default=None)


def _window(tariff: PowerTariff, state: MonthState, site: Site, plan: PlanDocument, now: datetime) -> PeakWindow | None:
    """Return a component's running period; None where it does not count now."""
    slot = pl.DataFrame({"slot_start": [slot_of(now)]}, schema={"slot_start": pl.Datetime("us", "UTC")})
    period = weighted_periods(slot, tariff, site.timezone)
    weight, start = float(period["weight"][0]), period["period_start"][0]
    if weight <= 0:
        return None
    end = start + timedelta(minutes=tariff.minutes)
    counted = sorted((*state.peaks_kw, state.today_kw), reverse=True)[: tariff.top]
    threshold = counted[-1] if len(counted) == tariff.top else 0.0
    planned = [
        each.import_kwh * 4 for each in plan.slots if start <= each.slot_start < end and each.import_kwh is not None
    ]
    level = max(threshold / weight, state.today_kw / weight, sum(planned) / len(planned) if planned else 0.0)
    return PeakWindow(start, end, level)
