"""The addition of each day to its month's demand charge, given the month's peaks before it: the one way to count it.

    addition of a day = charge of the month up to its end - charge of the month up to the day before

The additions of a month add up to its bill, so that every sum over days (a verdict, a comparison, a saving) is of the
money that is paid, and a single day is never billed as a month. Days that are not there add nothing. A range that
begins inside a month goes on from the peaks of the days before it (`before`), as the home had them.
"""

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from env.home_rows import HOME, with_home
from env.power_tariff import DayPeaks, EarlierDays, PowerTariff, peaks
from env.site import Site

DAY_CHARGES = {"policy": pl.String, "day": pl.Date, "power_cost": pl.Float64}


def peaks_of_days(imports: pl.DataFrame, site: Site) -> dict[date, DayPeaks]:
    """Return the peaks of days, by day in order.

    Args:
        imports: `slot_start, local_day, import_kwh` of whole days [kWh per slot].
        site: tariff and time zone.

    Raises:
        MissingTariffError: a month is over before the first version of the tariff begins.
        TariffError: an import is missing.
    """
    found: dict[date, DayPeaks] = {}
    months = imports.sort("slot_start").with_columns(month=pl.col("local_day").dt.month_start())
    for part in months.partition_by("month", maintain_order=True):
        tariffs = site.tariff.charges_of_month(part["month"][0])
        slots = part.select("slot_start", "import_kwh")
        by_component = [peaks_by_day(slots, tariff, site.timezone) for tariff in tariffs]
        for day in part["local_day"].unique(maintain_order=True).to_list():
            found[day] = tuple(known.get(day, ()) for known in by_component)
    return found


def peaks_by_day(slots: pl.DataFrame, tariff: PowerTariff, timezone: str) -> dict[date, tuple[float, ...]]:
    """Return the peaks of one component by day; arguments as for `env.power_tariff.peaks` [kW]."""
    return {day: kw for (_, day), kw in homes_peaks_by_day(slots, tariff, timezone).items()}


def homes_peaks_by_day(
    slots: pl.DataFrame, tariff: PowerTariff, timezone: str
) -> dict[tuple[str, date], tuple[float, ...]]:
    """Return the peaks of one component by home and day, of slots with `site`; the rest as for `peaks_by_day` [kW]."""
    rows = with_home(peaks(slots, tariff, timezone))
    of_days = rows.group_by(HOME, "local_day", maintain_order=True).agg("peak_kw")
    return {(home, day): tuple(kw) for home, day, kw in of_days.select(HOME, "local_day", "peak_kw").iter_rows()}


class RunningCharge:
    """The demand charge of a month as it goes on, day after day.

    Args:
        site: the home.
    """

    def __init__(self, site: Site) -> None:
        self.site = site
        self._month: date | None = None
        self._tariffs: Sequence[PowerTariff] = ()
        self._peaks_kw: list[list[float]] = []
        self._charge = 0.0

    def add(self, day: date, peaks_kw: DayPeaks) -> float:
        """Return the addition of a day to its month's charge; days come in order [money, tax included]."""
        month = day.replace(day=1)
        if month != self._month:
            self._month, self._charge = month, 0.0
            self._tariffs = self.site.tariff.charges_of_month(month)
            self._peaks_kw = [[] for _ in self._tariffs]
        before = self._charge
        for tariff, known, of_day in zip(self._tariffs, self._peaks_kw, peaks_kw, strict=True):
            known[:] = sorted([*known, *of_day], reverse=True)[: tariff.top]
        charged = zip(self._tariffs, self._peaks_kw, strict=True)
        self._charge = sum(tariff.cost(sum(known) / tariff.top) for tariff, known in charged if known)
        return self._charge - before


def added_charges(days: Mapping[date, DayPeaks], site: Site, before: EarlierDays = ()) -> dict[date, float]:
    """Return the addition of each day to its month's charge, after the days before them [money, tax included]."""
    running = RunningCharge(site)
    for day, kw in before:
        running.add(day, kw)
    return {day: running.add(day, days[day]) for day in sorted(days)}


def earlier_peaks(before: EarlierDays, month: date, n_components: int) -> list[list[float]]:
    """Return the peaks of a month's days before a range, of each component, highest first [kW]."""
    known = [kw for day, kw in before if day.replace(day=1) == month]
    return [sorted((kw for of_day in known for kw in of_day[k]), reverse=True) for k in range(n_components)]


def day_charges(schedules: pl.DataFrame, site: Site, before: EarlierDays = ()) -> pl.DataFrame:
    """Return the addition of every day and policy to its month's charge, all components together.

    Args:
        schedules: `policy, slot_start, local_day, import_kwh` of whole days, any number of policies [kWh per slot].
        site: tariff and time zone.
        before: peaks of the days before in the first month, which stand for every policy alike.

    Returns:
        `policy, day, power_cost` [money, tax included], ascending.

    Raises:
        MissingTariffError: a month is over before the first version of the tariff begins.
        TariffError: an import is missing.
    """
    rows = [
        (policy, day, added)
        for (policy,), part in schedules.group_by("policy")
        for day, added in added_charges(peaks_of_days(part, site), site, before).items()
    ]
    return pl.DataFrame(rows, schema=DAY_CHARGES, orient="row").sort("policy", "day")


def with_day_charges(
    results: pl.DataFrame, schedules: pl.DataFrame, site: Site, before: EarlierDays = ()
) -> pl.DataFrame:
    """Return daily results with `power_cost`, the addition of each day to its month's charge.

    Args:
        results: `day, policy, …` as `planner.evaluation.daily_results` gives them.
        schedules: the schedules behind them; a month is billed on the days that are there.
        site: tariff and time zone.
        before: as for `day_charges`.
    """
    return results.join(day_charges(schedules, site, before), on=["policy", "day"], how="left", maintain_order="left")
