"""Check of the weather that a site fetches: how old it is, and which source is late, wrong or refusing."""

from datetime import datetime, timedelta
from pathlib import Path

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.doctor.finding import CheckResult, failed, found_by, passed, warned
from darkstar_pipeline.fetching.log import FetchLog, SourceState
from darkstar_pipeline.fetching.weather.due import forecast_states

LATE, TOO_LATE = timedelta(hours=9), timedelta(hours=24)
"""Ages of the newest forecast of a schedule that asks every three hours."""
NEXT = "darkstar fetch weather"


def check_weather(settings: Settings, home: Path, site: str, now: datetime) -> CheckResult:
    """Check whether a site's forecasts of weather are fresh; where a source fails, say why and what to do."""
    check = f"weather, {site}"
    return found_by(check, lambda: _checked(check, settings, home, site, now))


def _checked(check: str, settings: Settings, home: Path, site: str, now: datetime) -> CheckResult:
    chosen = settings.sites[site]
    sources = chosen.sources.weather
    if not (sources.order or sources.panels):
        return passed(check, "none is fetched, as configured")
    if chosen.forecast.latitude is None:
        detail = "none is fetched: the place of the panels is not configured"
        return passed(check, f"{detail} (forecast.latitude and forecast.longitude)")
    states = forecast_states(FetchLog(home), site, now)
    newest = max((state.succeeded_at for state in states if state.succeeded_at is not None), default=None)
    failing = [state for state in states if state.failures]
    told = "; ".join(_in_words(state) for state in failing)
    remedy = next((state.last.remedy for state in failing if state.last.remedy), NEXT)
    if newest is None:
        return warned(check, told or "none was fetched yet", remedy if told else f"{NEXT}; `darkstar ui` fetches it")
    age = now - newest
    fresh = f"fetched {_hours(age)} ago" + (f"; {told}" if told else "")
    if age > TOO_LATE:
        return failed(check, fresh, remedy if told else "let `darkstar ui` run, whose schedule fetches it, or " + NEXT)
    return warned(check, fresh, remedy) if age > LATE or _all_fail(states) else passed(check, fresh)


def _in_words(state: SourceState) -> str:
    """Return what is wrong with a source."""
    times = "once" if state.failures == 1 else f"{state.failures} times"
    return f"{state.last.source} failed {times}: {state.last.reason}"


def _all_fail(states: list[SourceState]) -> bool:
    return bool(states) and all(state.failures for state in states)


def _hours(age: timedelta) -> str:
    hours = age / timedelta(hours=1)
    return f"{hours:.0f} h" if hours >= 1 else f"{60 * hours:.0f} min"
