"""Moments from the command line: a local time, a date and time, or one with its offset; clock changes are told."""

from datetime import UTC, datetime, time, timedelta

from darkstar_pipeline.console.failures import UsageError
from env.time_grid import slot_of, zone

NOW = "now"


def parse_span(start: str, until: str, now: datetime, timezone: str) -> tuple[datetime, datetime]:
    """Return begin and end of a block.

    A time alone is the next one: of the begin that in the running quarter-hour or later, of the end the one after it.

    Raises:
        UsageError: a text is no moment, or the clock does not show it, or shows it twice.
    """
    first = parse_moment("--from", start, slot_of(now), timezone)
    return first, parse_moment("--to", until, first + timedelta(minutes=1), timezone)


def parse_moment(option: str, text: str, earliest: datetime, timezone: str) -> datetime:
    """Return the moment that a text names, in UTC; of a time alone the first from `earliest` on.

    Raises:
        UsageError: the text is no moment, or the clock does not show it, or shows it twice.
    """
    if text == NOW:
        return earliest
    try:
        clock = time.fromisoformat(text)
    except ValueError:
        return _dated(option, text, timezone)
    today = earliest.astimezone(zone(timezone)).date()
    if clock.tzinfo is not None:
        message = f"{option}: {text!r} has an offset and no date (expected 02:00, or 2026-01-31T02:00+01:00)"
        raise UsageError(message, "give the date, too")
    for day in (today, today + timedelta(days=1)):
        # A time that this day's clock has left behind is the next day's, whatever happened to it today.
        local = datetime.combine(day, clock)
        if day == today and local < earliest.astimezone(zone(timezone)).replace(tzinfo=None):
            continue
        found = _instant(option, text, local, timezone)
        if found >= earliest:
            return found
    return _instant(option, text, datetime.combine(today + timedelta(days=1), clock), timezone)


def _dated(option: str, text: str, timezone: str) -> datetime:
    """Return the moment of a date and time.

    Raises:
        UsageError: as `parse_moment`.
    """
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _no_time(option, text) from error
    if len(text) <= len("2026-01-31"):
        raise _no_time(option, text)
    return _instant(option, text, moment, timezone)


def _no_time(option: str, text: str) -> UsageError:
    message = f"{option}: {text!r} is no time (expected 02:00, now, or 2026-01-31T02:00)"
    return UsageError(message, "write it in local time, or with its offset")


def _instant(option: str, text: str, local: datetime, timezone: str) -> datetime:
    """Return the instant of a local date and time.

    Raises:
        UsageError: the clock does not show it that day, or shows it twice.
    """
    try:
        first, second = (local.replace(tzinfo=zone(timezone), fold=fold) for fold in (0, 1))
        instant = first.astimezone(UTC)
        if first.utcoffset() == second.utcoffset():
            return instant
        shown = instant.astimezone(zone(timezone)).replace(tzinfo=None) == local
    except OverflowError as error:
        message = f"{option}: {text!r} lies outside all calendars"
        raise UsageError(message, "give a moment within the next 31 days") from error
    day = f"{local:%Y-%m-%d}"
    if shown:
        options = " or ".join(f"{each:%Y-%m-%dT%H:%M%z}" for each in (first, second))
        message = f"{option}: {local:%H:%M} comes twice on {day}, when the clocks go back"
        raise UsageError(message, f"say which: {options}")
    message = f"{option}: there is no {local:%H:%M} on {day}: the clocks go forward over it"
    raise UsageError(message, "give a time before or after the change")
