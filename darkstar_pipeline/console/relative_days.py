"""Days that are named from today: `yesterday`, and the last so many (`--last 30d`)."""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Annotated

import typer

from darkstar_pipeline.console.failures import UsageError

NAMED_DAYS = {"yesterday": -1, "today": 0, "tomorrow": 1}
_MOST_DAYS = 20_000
_SPAN = re.compile(r"([0-9]{1,5}) ?(d|days?|w|weeks?)?")
_DAYS_OF_WEEK = 7


def today_in(timezone: str) -> date:
    """Return the present day by the clock of a time zone."""
    from env.time_grid import zone

    return datetime.now(zone(timezone)).date()


def today(site: str | None = None) -> date:
    """Return the present day by the clock of the home; by this machine's where there is no configuration.

    Args:
        site: name of the site; None for the default one.
    """
    from darkstar_pipeline.config.settings import home_dir, load_settings
    from darkstar_pipeline.context import with_fleet_home
    from darkstar_pipeline.errors import ConfigurationError
    from env.time_grid import zone

    try:
        settings = with_fleet_home(load_settings(), site, home_dir())
        there = zone(settings.sites[settings.site_name(site)].timezone)
    except ConfigurationError:  # which the command itself reports, where it needs one
        there = None
    return datetime.now(there).astimezone(there).date()


def parse_span(text: str) -> int:
    """Return the number of days of `30d`, `4w` or `30`.

    Raises:
        typer.BadParameter: the text is none, or counts no day.
    """
    found = _SPAN.fullmatch(text.strip().lower())
    days = 0 if found is None else int(found[1]) * (_DAYS_OF_WEEK if (found[2] or "d").startswith("w") else 1)
    if not 0 < days <= _MOST_DAYS:
        message = f"{text!r} is no number of days (expected 30d or 4w)"
        raise typer.BadParameter(message)
    return days


LastDays = Annotated[
    int | None,
    typer.Option(
        "--last", parser=parse_span, metavar="30d", help="The last so many days up to yesterday, instead of both."
    ),
]


def resolve_days(
    given: Mapping[str, date | None], span: int | None, required: Mapping[str, bool], site: str | None
) -> dict[str, date | None]:
    """Return the first and the last day that are meant.

    Args:
        given: `first` and `last`, None where they were not named.
        span: number of days up to yesterday; None where it was not given.
        required: whether the command needs each of both.
        site: name of the site.

    Raises:
        UsageError: both ways are used at once, or a day that is needed is not named.
    """
    named = {"first": "--from", "last": "--to"}
    if span is not None:
        if taken := [named[key] for key, day in given.items() if day is not None]:
            raise UsageError(f"--last and {' and '.join(taken)} both name the days", "give one of them")
        end = today(site) - timedelta(days=1)
        return {"first": end - timedelta(days=span - 1), "last": end}
    if missing := [named[key] for key, needed in required.items() if needed and given[key] is None]:
        raise UsageError(f"Missing option '{missing[0]}'", "name both days, or --last 30d")
    return dict(given)
