"""Homes that Aurora is trained on, and measured on.

It is trained on the forecasts of weather that were kept; of days that have none, on weather as it was with errors as
forecasts have them. It is measured only with what was known at each midnight.
"""

from dataclasses import dataclass
from datetime import date

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.forecasts.inputs import external_forecasts, history_between
from env.time_grid import local_day
from planner.forecasts.archived_weather import NAMES, archive_as_forecasts, issued_weather
from planner.forecasts.clear_sky import PvSystem
from planner.forecasts.features import AuroraHome
from planner.forecasts.slot_series import EXTERNAL_FORECASTS, slot_series


@dataclass(frozen=True, kw_only=True)
class TrainingHomes:
    """A home as Aurora learns from it, and as it was known.

    Attributes:
        learned: with forecasts that might have been, where none was kept.
        known: with what was known alone.
        kept_days: days of which some forecast of weather was kept.
        archived_days: days of which none was, and whose weather as it was stands in for it.
    """

    learned: AuroraHome
    known: AuroraHome
    kept_days: frozenset[date]
    archived_days: frozenset[date]

    def weather_of(self, days: list[date]) -> str:
        """Return in words what weather some days are learned from; empty where there is none."""
        kept, archived = (len(some.intersection(days)) for some in (self.kept_days, self.archived_days))
        if not kept + archived:
            return ""
        parts = [(kept, "as forecast at the time"), (archived, "as it was, with errors of forecasts")]
        without = len(days) - kept - archived
        told = [f"{n} days {words}" for n, words in parts if n]
        return ", ".join([*told, *([f"{without} days without"] if without else [])])


def training_homes(
    context: Context, first: date, last: date, *, panels: PvSystem | None, country: str | None
) -> TrainingHomes:
    """Return a home with its readings from `first` to `last`, to learn from and to be measured on.

    Args:
        context: the site.
        first: first local day.
        last: last local day.
        panels: location and orientation of the panels; None if unknown.
        country: country whose public holidays count; None without holidays.
    """
    history = history_between(context, first, last)
    external = external_forecasts(context, first, last)
    known = AuroraHome(slot_series(history, context.timezone, external=external, country=country), panels)
    if external is None:
        return TrainingHomes(learned=known, known=known, kept_days=frozenset(), archived_days=frozenset())
    weather = [name for name in NAMES if name in external.columns]
    kept = _days(issued_weather(external), weather, context.timezone)
    made = archive_as_forecasts(external, context.timezone, panels)
    if made.is_empty():
        return TrainingHomes(learned=known, known=known, kept_days=kept, archived_days=frozenset())
    columns = ["slot_start", "known_at", *(name for name in EXTERNAL_FORECASTS if name in external.columns)]
    whole = pl.concat([external, made], how="diagonal").select(columns)
    learned = AuroraHome(slot_series(history, context.timezone, external=whole, country=country), panels)
    archived = _days(made, weather, context.timezone) - kept
    return TrainingHomes(learned=learned, known=known, kept_days=kept, archived_days=archived)


def _days(rows: pl.DataFrame, names: list[str], timezone: str) -> frozenset[date]:
    """Return the local days of which rows say any of some quantities."""
    present = [name for name in names if name in rows.columns]
    if not present:
        return frozenset()
    said = rows.filter(pl.any_horizontal(pl.col(name).is_not_null() for name in present))
    return frozenset(said.select(local_day(timezone))["local_day"].unique().to_list())
