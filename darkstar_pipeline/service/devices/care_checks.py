"""Check of the wishes for the battery's care: what contradicts each other, and what they cost in the last plan."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from darkstar_pipeline.config.settings import Settings, load_settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.context import open_context, with_fleet_home
from darkstar_pipeline.doctor.finding import CheckResult, passed, warned
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.planning.care_values import care_sentences
from darkstar_pipeline.planning.weather_warnings import missing_forecast
from darkstar_pipeline.service.engine.plan_store import PlanStore
from darkstar_pipeline.service.state_folder import service_folder
from darkstar_pipeline.state.folder_names import PLANS_FOLDER
from planner.care.contradictions import contradictions
from planner.wording.messages import joined, phrase
from planner.wording.values import Words


def check_care_of_sites(home: Path, site: str | None, now: datetime) -> list[CheckResult]:
    """Check the care of every site, or of one; nothing where the configuration cannot be read, which others tell."""
    try:
        settings = with_fleet_home(load_settings(), site, home)
    except ConfigurationError:
        return []
    names = sorted(settings.sites) if site is None else [site]
    found = [check_care(settings, home, name, now) for name in names]
    return [each for each in found if each is not None]


def check_care(settings: Settings, home: Path, name: str, now: datetime) -> CheckResult | None:
    """Check a site's reserve and care; None where nothing is wished for."""
    own = settings.sites[name]
    site, asked = own.site(name), own.household.care
    if not site.care.wanted and asked.outage_warning is None and asked.weather_warning is None:
        return None
    check, found = f"care, {name}", contradictions(site)
    found += _unread_warning(own)
    if asked.weather_warning is not None:
        context = open_context(name, settings=settings, home=home)
        missing = missing_forecast(context, now)
        found += [(missing, phrase("without a forecast nothing is kept for storms"))] if missing else []
    if found:
        return warned(check, joined("; ", [what for what, _ in found]), joined("; ", [remedy for _, remedy in found]))
    return passed(check, _prices(home, name, own, now))


def _unread_warning(own: SiteSettings) -> list[tuple[str, str]]:
    """Return a warning that nobody reads."""
    warning = own.household.care.outage_warning
    if warning is None or own.home_assistant.url is not None:
        return []
    found = phrase(
        "outage_warning names {entity}, and no Home Assistant is read: it never warns", entity=warning.entity
    )
    return [(found, phrase("set home_assistant.url, or outage_warning: null"))]


def _prices(home: Path, name: str, own: SiteSettings, now: datetime) -> str:
    """Return what the wishes cost in the service's last plan, in sentences."""
    plan = PlanStore(service_folder(home, name) / PLANS_FOLDER).latest(now)
    if plan is None or plan.care is None:
        return phrase(
            "the wishes fit the battery; no plan of the service tells their price yet (darkstar plan shows it)"
        )
    made = plan.created_at.astimezone(ZoneInfo(own.timezone))
    said = joined("; ", care_sentences(plan.care.model_dump(), Words(own.currency, own.timezone)))
    return phrase("in the plan of {made}: {said}", made=f"{made:%Y-%m-%d %H:%M}", said=said)
