"""Answers that are believed: of the right place, of now, and reaching far enough. Then they take the road of a file."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import polars as pl

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.fetching.errors import FetchError
from darkstar_pipeline.fetching.weather.services import place_of
from darkstar_pipeline.forecasts.panels import panel_system
from darkstar_pipeline.sources.parsed import Parsed
from darkstar_pipeline.sources.resolution import NATIVE
from darkstar_pipeline.sources.weather import checked_weather
from darkstar_pipeline.sources.weather_services.answer import WeatherAnswer
from darkstar_pipeline.sources.weather_services.quarter_hours import quarter_hours
from env.time_grid import SLOT
from planner.forecasts.clear_sky import PvSystem

FARTHEST_DEGREES = 0.6  # the coarsest grid of a weather model is half a degree
LEAST_AHEAD = timedelta(hours=24)
OLDEST = timedelta(days=1)
"""A forecast that was issued longer ago is yesterday's, whatever its stamps say."""


def panels_of(site: SiteSettings) -> PvSystem:
    """Return the panels of a site whose place is configured."""
    return panel_system(site.forecast, place_of(site))


def believed_forecast(answers: Sequence[WeatherAnswer], site: SiteSettings, now: datetime) -> Parsed:
    """Return the rows of a forecast that was just received.

    It is known from now on: no forecast that we made before may see it, whenever its service issued it.

    Args:
        answers: one, or of the panels one a plane of them, which add up.
        site: the site.
        now: the present instant.

    Raises:
        FetchError: it is of another place or day, or too short.
        DataRefusedError: it does not pass the checks of weather.
    """
    answer = answers[0]
    for each in answers:
        check_place(each, site)
        if each.issued_at is not None and not -OLDEST < now - each.issued_at < OLDEST:
            reason = f"its forecast was issued at {each.issued_at:%Y-%m-%d %H:%MZ}, not today"
            raise FetchError(each.service, "wrong", reason)
    slots = quarter_hours(answer, panels_of(site)) if len(answers) == 1 else _summed(answers, panels_of(site))
    ahead = slots.filter(pl.col("slot_start") + SLOT > now)
    last = ahead["slot_start"].max()
    if not isinstance(last, datetime) or last < now + LEAST_AHEAD:
        end = slots["slot_start"].max()
        ends = f"ends at {end:%Y-%m-%d %H:%MZ}" if isinstance(end, datetime) else "says nothing"
        raise FetchError(answer.service, "wrong", f"its forecast {ends}, a day ahead is the least")
    return _checked(ahead.with_columns(pl.lit(now).alias("known_at")), answer, site, now)


def _summed(answers: Sequence[WeatherAnswer], panels: PvSystem) -> pl.DataFrame:
    """Return the energy of all planes together, where each has a forecast."""
    every = pl.concat(
        quarter_hours(answer, replace(panels, planes=(plane,)))
        for answer, plane in zip(answers, panels.planes, strict=True)
    )
    summed = every.group_by("slot_start").agg(pl.col("pv_expected_kwh").sum(), planes=pl.len())
    return summed.filter(pl.col("planes") == len(answers)).drop("planes").sort("slot_start")


def believed_past(answer: WeatherAnswer, site: SiteSettings, now: datetime, known_after: timedelta) -> Parsed:
    """Return the rows of weather of past days.

    Args:
        answer: of the archive, or of what was forecast before.
        site: the site.
        now: the present instant.
        known_after: from the start of a slot to the moment it was known: negative for what had been forecast.

    Raises:
        FetchError: it is of another place.
        DataRefusedError: it does not pass the checks of weather.
    """
    check_place(answer, site)
    slots = quarter_hours(answer, panels_of(site)).with_columns(known_at=pl.col("slot_start") + known_after)
    return _checked(slots.filter(pl.col("known_at") <= now), answer, site, now)


def all_parsed(parts: Iterable[Parsed]) -> Parsed:
    """Return several vintages of an answer as one."""
    every = list(parts)
    return Parsed(
        rows=pl.concat([part.rows for part in every], how="diagonal").sort("slot_start", "known_at"),
        rejects=pl.concat([part.rejects for part in every]),
        rows_read=sum(part.rows_read for part in every),
        notes=tuple(dict.fromkeys(note for part in every for note in part.notes)),
    )


def check_place(answer: WeatherAnswer, site: SiteSettings) -> None:
    """Refuse an answer that speaks of another place.

    Raises:
        FetchError: it does.
    """
    if answer.place is None:
        return
    asked = place_of(site)
    if any(abs(said - wanted) > FARTHEST_DEGREES for said, wanted in zip(answer.place, asked, strict=True)):
        said = ", ".join(f"{part:g}" for part in answer.place)
        raise FetchError(answer.service, "wrong", f"its answer is of another place ({said})")


def _checked(rows: pl.DataFrame, answer: WeatherAnswer, site: SiteSettings, now: datetime) -> Parsed:
    parsed = checked_weather(rows, answer.service, now=now, panels_kw=site.forecast.rated_kw)
    return Parsed(
        rows=parsed.rows.with_columns(pl.lit(answer.minutes).cast(parsed.rows.schema[NATIVE]).alias(NATIVE)),
        rejects=parsed.rejects,
        rows_read=parsed.rows_read,
        notes=parsed.notes,
    )
