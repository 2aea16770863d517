"""A set of homes, price areas and days that benchmarks run on, whatever it is read from.

`measured` reads homes that lie beside the project, `shipped` those that come with it; `choice` chooses between them.
What does not belong here: running the `darkstar` command on such a home (`fresh_home`).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import date, timedelta
from typing import ClassVar

import polars as pl

from benchmarks.homes.batteries import LARGE
from darkstar_pipeline.config.planning import ForecastSettings, MpcSettings
from env.site import Site
from env.time_grid import grid, local_day
from planner.forecasts.naive import naive_forecasts
from planner.value.protocol import Protocol, WriteBudgetRules

Pair = tuple[str, str]
"""A home and the price area that it is paired with."""
FIRST_DAY, LAST_DAY = date(2025, 10, 1), date(2026, 8, 21)  # 325 local days, both changes of the clock

ZONE = "Europe/Stockholm"


def default_site() -> Site:
    """Return the bench site of the first figures: a battery of 34.2 kWh and 8 kW."""
    return LARGE.site()


def default_protocol(site: Site) -> Protocol:
    """Return the daily protocol from half full, with the write budget of a new home."""
    return Protocol(
        start_soc_kwh=site.battery.soc_kwh(50.0), write_budget=WriteBudgetRules(**MpcSettings().model_dump())
    )


def slots_of_days(slots: pl.DataFrame, days: list[date]) -> pl.DataFrame:
    """Return the slots of some local days."""
    return slots.filter(pl.col("local_day").is_in(pl.Series(days, dtype=pl.Date).implode()))


@dataclass(frozen=True)
class BenchHomes(ABC):
    """Homes with readings, areas with prices, on one calendar; can be pickled for worker processes.

    Attributes:
        description: the homes in words, for the benchmark's document.
        measured: whether the homes are the measured ones, for which targets on money were set.
        villa: a home with panels and complete readings.
        gaps: a home with panels, a PV forecast of its own, and missing readings.
        no_pv: a home without panels.
        served: the home of the benchmarks of the service.
        pairs: homes and areas that policies are measured on.
        every_pair: the same, and every other home with one area.
        price_areas: areas with prices of several years.
    """

    description: ClassVar[str]
    measured: ClassVar[bool]
    villa: ClassVar[str]
    gaps: ClassVar[str]
    no_pv: ClassVar[str]
    served: ClassVar[str]
    pairs: ClassVar[tuple[Pair, ...]]
    every_pair: ClassVar[tuple[Pair, ...]]
    price_areas: ClassVar[tuple[str, ...]]

    @abstractmethod
    def readings(self, home: str) -> pl.DataFrame:
        """Return the tidy readings of a home: `slot_start, load_kwh, pv_kwh` [kWh], ascending."""

    @abstractmethod
    def all_prices(self, area: str) -> pl.DataFrame:
        """Return all tidy spot prices of an area: `slot_start, price` [SEK/kWh], ascending."""

    @abstractmethod
    def pv_forecast(self, home: str) -> pl.DataFrame | None:
        """Return the PV that a home expected, `slot_start, pv_forecast_kwh` [kWh]; None without a forecast."""

    @abstractmethod
    def days(self, home: str, split: str, timezone: str) -> list[date]:
        """Return the local days that lie wholly in the `train` or the `test` weeks."""

    def history(self, home: str) -> pl.DataFrame:
        """Return the readings with a PV of 0 for a home without panels."""
        readings = self.readings(home)
        without = readings["pv_kwh"].null_count() == readings.height
        return readings.with_columns(pv_kwh=pl.lit(0.0)) if without else readings

    def prices(self, area: str) -> pl.DataFrame:
        """Return the tidy spot prices of an area over the calendar: `slot_start, price` [SEK/kWh]."""
        span = grid(FIRST_DAY, LAST_DAY, ZONE)["slot_start"]
        return self.all_prices(area).filter(pl.col("slot_start").is_between(span[0], span[-1]))

    def slots(self, pair: Pair, site: Site, first: date, last: date) -> pl.DataFrame:
        """Return the slots of the days with every core reading, priced: the input of `planner.replay.daily`."""
        home, area = pair
        joined = grid(first, last, site.timezone).join(self.history(home), on="slot_start", how="left")
        joined = joined.join(self.prices(area), on="slot_start", how="left").sort("slot_start")
        whole = pl.all_horizontal(pl.col("load_kwh", "pv_kwh", "price").is_not_null()).all().over("local_day")
        priced = site.tariff.with_prices(joined.filter(whole), site.timezone)
        return priced.select("slot_start", "local_day", "import_price", "export_price", "load_kwh", "pv_kwh")

    def window(self, pair: Pair, site: Site, *, split: str | None = None, n_days: int | None = None) -> pl.DataFrame:
        """Return `slots` of the calendar without its first and last day.

        Args:
            pair: home and area.
            site: battery, tariff and time zone.
            split: `train` or `test` for those weeks alone; None for all days.
            n_days: the first days of it alone; None for all.
        """
        slots = self.slots(pair, site, FIRST_DAY + timedelta(days=1), LAST_DAY - timedelta(days=1))
        if split is not None:
            slots = slots_of_days(slots, self.days(pair[0], split, site.timezone))
        if n_days is not None:
            slots = slots_of_days(slots, slots["local_day"].unique().sort().head(n_days).to_list())
        return slots

    def forecasts(self, home: str, slots: pl.DataFrame, site: Site) -> pl.DataFrame:
        """Return the naive forecasts of a new home for the days of `slots`."""
        days, averaged = slots["local_day"].unique().sort().to_list(), ForecastSettings()
        return naive_forecasts(
            self.history(home), days, site.timezone, load_days=averaged.load_days, pv_days=averaged.pv_days
        )

    def outlook(self, home: str, timezone: str) -> pl.DataFrame | None:
        """Return the PV forecast of a home as `slot_series` takes it; None where there is none.

        Each day's forecast counts as known at its local midnight: its own hour is not on record.
        """
        forecast = self.pv_forecast(home)
        if forecast is None:
            return None
        return forecast.with_columns(local_day(timezone)).select(
            "slot_start",
            known_at=pl.col("slot_start").min().over("local_day"),
            pv_expected_kwh=pl.col("pv_forecast_kwh").fill_nan(None).fill_null(0.0).clip(0.0),  # NaN at night
        )
