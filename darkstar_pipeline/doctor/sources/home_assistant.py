"""Checks of a site's Home Assistant: whether it answers, has every entity that is configured, and gives readings."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from darkstar_pipeline.config.home_assistant import HomeAssistantSettings
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.doctor.finding import CheckResult, failed, found_by, passed, warned
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.fetching.log import FetchLog
from darkstar_pipeline.home_assistant_api.answers import State
from darkstar_pipeline.home_assistant_api.failures import TOKEN_VARIABLE, HomeAssistantError
from darkstar_pipeline.home_assistant_api.socket import HomeAssistantSocket
from darkstar_pipeline.sources.home_assistant.naming.configured_sensors import configured_mapping, entities_of
from darkstar_pipeline.state.secrets import secret

LATE = timedelta(hours=13)
"""Twice a fetch of the schedule was missed."""
_SECONDS = 10.0
_ABSENT = ("unavailable", "unknown")
_CONTROLLED = ("mode", "charge", "discharge", "export", "import_limit")
_INIT = "darkstar init --home-assistant URL"


def check_home_assistant(settings: Settings, home: Path, site: str, now: datetime) -> list[CheckResult]:
    """Check a site's Home Assistant; nothing where none is configured.

    Args:
        settings: the configuration.
        home: the state folder.
        site: name of the site.
        now: the present instant.
    """
    chosen = settings.sites[site]
    configured, check = chosen.home_assistant, f"Home Assistant, {site}"
    entities = _entities(configured)
    if configured.url is None:
        return [failed(check, "entities are configured, and no address", _INIT)] if entities else []
    try:
        token = secret(TOKEN_VARIABLE, configured.token_file)
    except ConfigurationError as error:
        return [failed(check, error.message, error.hint)]
    if token is None:
        where = configured.token_file or TOKEN_VARIABLE
        return [failed(check, f"there is no token: {where}", "create one in Home Assistant (your profile, Security)")]
    try:
        with HomeAssistantSocket(
            configured.url, token, ca_file=chosen.sources.ca_file, seconds=_SECONDS, pauses=()
        ) as socket:
            version, states = socket.config().version, {state.entity_id: state for state in socket.states()}
            kept = {each.statistic_id for each in socket.statistic_ids()}
    except HomeAssistantError as error:
        told = warned if error.cause in ("late", "unreachable") else failed
        return [told(check, error.message, error.hint)]
    found = [passed(check, f"{version} answers, the token is accepted")]
    if entities:
        found.append(_check_entities(f"entities, {site}", entities, states))
    if wanted := entities_of(configured_mapping(configured.sensors)):
        readings = f"readings, {site}"
        found.append(found_by(readings, lambda: _check_readings(readings, wanted, kept, FetchLog(home), site, now)))
    return found


def _entities(settings: HomeAssistantSettings) -> dict[str, str]:
    """Return the setting of every entity that is configured."""
    named = dict.fromkeys(entities_of(configured_mapping(settings.sensors)), "home_assistant.sensors")
    if settings.sensors.price is not None:
        named[settings.sensors.price] = "home_assistant.sensors.price"
    mapping = settings.control.mapping
    controlled = {name: getattr(mapping, name) for name in _CONTROLLED if getattr(mapping, name) is not None}
    return named | {entity: f"home_assistant.control.mapping.{name}" for name, entity in controlled.items()}


def _check_entities(check: str, named: Mapping[str, str], states: Mapping[str, State]) -> CheckResult:
    """Check that every entity is there and has a value."""
    if missing := [f"{entity} ({setting})" for entity, setting in named.items() if entity not in states]:
        return failed(check, f"Home Assistant has no {', '.join(missing)}", "correct it, or name another entity there")
    if absent := [entity for entity in named if states[entity].state in _ABSENT]:
        return warned(check, f"without a value now: {', '.join(absent)}", "look at its integration in Home Assistant")
    return passed(check, f"all {len(named)} are there")


def _check_readings(
    check: str, wanted: Sequence[str], kept: set[str], log: FetchLog, site: str, now: datetime
) -> CheckResult:
    """Check that every sensor has statistics, and that they were fetched lately."""
    if without := [entity for entity in wanted if entity not in kept]:
        remedy = "give it a state_class (Developer tools, Statistics), or name another sensor"
        return warned(check, f"no long-term statistics of {', '.join(without)}", remedy)
    fetch = "darkstar fetch readings, or let `darkstar ui` run, whose schedule fetches them"
    states = log.states(site, "readings")
    if not states:
        return warned(check, "none were fetched yet", fetch)
    last, succeeded = states[0].last, states[0].succeeded_at
    if not last.succeeded:
        return warned(check, f"the last fetch failed: {last.reason}", last.remedy or fetch)
    if succeeded is not None and now - succeeded > LATE:
        return warned(check, f"fetched {(now - succeeded) / timedelta(hours=1):.0f} h ago", fetch)
    return passed(check, f"fetched at {last.asked_at:%Y-%m-%d %H:%MZ}")
