"""Check of the spot prices that a site fetches: up to which day they are known, and which source fails, and why."""

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from darkstar_pipeline.config.countries import market_timezone
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.context import QUARANTINE_FOLDER, tables_of
from darkstar_pipeline.doctor.finding import CheckResult, failed, found_by, passed, warned
from darkstar_pipeline.fetching.log import FetchLog, SourceState
from darkstar_pipeline.fetching.prices.fetch import lacking_days
from darkstar_pipeline.fetching.prices.polling import OVERDUE, publication
from darkstar_pipeline.fetching.prices.services.all_services import advice_on_sources, services_of
from darkstar_pipeline.ingest.target import ImportTarget

NEXT = "darkstar fetch prices"


def check_prices(settings: Settings, home: Path, site: str, now: datetime) -> CheckResult:
    """Check whether a site's prices are there; where a source fails, say why and what to do."""
    check = f"prices, {site}"
    return found_by(check, lambda: _checked(check, settings, home, site, now))


def _checked(check: str, settings: Settings, home: Path, site: str, now: datetime) -> CheckResult:
    chosen = settings.sites[site]
    order = chosen.sources.prices.order
    if not order:
        return passed(check, "none is fetched, as configured")
    if not services_of(chosen):
        told = f"none of {', '.join(order)} has prices of {chosen.area}"
        return failed(check, told, advice_on_sources(chosen.area))
    target = ImportTarget(
        lake=tables_of(settings, home, site), quarantine_dir=home / QUARANTINE_FOLDER, site_name=site, site=chosen
    )
    today = now.astimezone(ZoneInfo(market_timezone(chosen.timezone))).date()
    tomorrow = today + timedelta(days=1)
    lacking = lacking_days(target, today, tomorrow)
    states = FetchLog(home).states(site, "prices")
    failing = [state for state in states if state.last.source in order and _fails(state)]
    told = "; ".join(_in_words(state) for state in failing)
    remedy = next((state.last.remedy for state in failing if state.last.cause != "late" and state.last.remedy), NEXT)
    behind = f" ({told})" if told else ""
    if today in lacking:
        advice = remedy if told else f"{NEXT}, or let `darkstar ui` run, whose sensor fetches them"
        if not states:
            return warned(check, "none were fetched yet", advice)
        return failed(check, f"prices of today, {today}, are missing{behind}", advice)
    if tomorrow in lacking and now > publication(tomorrow, order) + OVERDUE:
        return warned(check, f"prices of tomorrow, {tomorrow}, are late{behind}", remedy)
    known = today if tomorrow in lacking else tomorrow
    detail = f"known up to {known}{behind}"
    return warned(check, detail, remedy) if any(_needs_a_person(state) for state in failing) else passed(check, detail)


def _fails(state: SourceState) -> bool:
    """Return whether a source failed last, or differs from the one whose prices are kept."""
    return state.failures > 0 or bool(state.last.cause)


def _needs_a_person(state: SourceState) -> bool:
    """Return whether a source will not mend by itself: it refuses us, or says something else than the first."""
    return state.last.cause == "refused" or (state.last.cause == "wrong" and state.last.outcome != "failed")


def _in_words(state: SourceState) -> str:
    """Return what is wrong with a source."""
    if not state.failures:
        return f"{state.last.source} {state.last.reason}"
    times = "once" if state.failures == 1 else f"{state.failures} times"
    return f"{state.last.source} is {state.last.cause}, {times}: {state.last.reason}"
