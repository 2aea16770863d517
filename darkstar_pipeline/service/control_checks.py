"""Checks of what ends control: the lease, the guard apart from the service, the dead man's switch in Home Assistant."""

from pathlib import Path

from darkstar_pipeline.config.home_assistant import HomeAssistantSettings
from darkstar_pipeline.config.settings import load_settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.doctor.finding import CheckResult, passed, warned
from darkstar_pipeline.errors import ConfigurationError, DarkstarError
from darkstar_pipeline.home_assistant_api.failures import TOKEN_VARIABLE
from darkstar_pipeline.inverters.catalogue import profile_of
from darkstar_pipeline.service.control.controller import unconfirmed
from darkstar_pipeline.service.control.dead_man import DeadManNames, edition
from darkstar_pipeline.service.control.guard_status import live_guard
from darkstar_pipeline.service.home_assistant.client import HomeAssistantClient
from darkstar_pipeline.service.home_assistant.lease import LEASE_FILE, look_at_lease, uptime_seconds
from darkstar_pipeline.service.home_assistant.translation import translator_of
from darkstar_pipeline.service.state_folder import SERVING_LOCK, service_folder
from darkstar_pipeline.state.file_lock import is_locked
from darkstar_pipeline.state.folder_names import LOADS_FOLDER, SERVICE_FOLDER
from darkstar_pipeline.state.secrets import secret

INSTALL = "darkstar control install"
FIRST = "a dry run for a day, then watch it at work, and set home_assistant.control.inverter.confirmed"
APART = "run `darkstar control guard` as a service of its own (docs/home_assistant.md)"


def check_all(home: Path, site: str | None) -> list[CheckResult]:
    """Check the control of every site; where the configuration cannot be read, the leases that stand in the folder.

    Args:
        home: the state folder.
        site: the site to look at; None for all.
    """
    try:
        sites = load_settings().sites
    except ConfigurationError:
        sites = {}
    root = home / SERVICE_FOLDER
    leases = [*root.glob(f"*/{LEASE_FILE}"), *root.glob(f"*/{LOADS_FOLDER}/{LEASE_FILE}")]
    known = [path.relative_to(root).parts[0] for path in leases]
    names = sorted({*sites, *known}) if site is None else [site]
    return [result for name in names for result in check_control(sites.get(name), home, name)]


def check_control(chosen: SiteSettings | None, home: Path, site: str) -> list[CheckResult]:
    """Check that control of a site ends by itself, whatever dies; nothing where it is off and nothing is outstanding.

    Args:
        chosen: the settings of the site; None where they cannot be read.
        home: the state folder.
        site: name of the site.
    """
    folder = service_folder(home, site)
    left = [
        *_outstanding(folder, folder, f"lease, {site}"),
        *_outstanding(folder / LOADS_FOLDER, folder, f"lease of loads, {site}"),
    ]
    if chosen is None:
        return left
    settings = chosen.home_assistant
    found = [*_inverter(settings, f"inverter, {site}"), *_abilities(chosen, f"inverter and plan, {site}"), *left]
    found += _floor(chosen, f"floor, {site}")
    if settings.control.enabled and not settings.control.dry_run:
        found += [_guard(folder, f"guard, {site}"), _dead_man(chosen, f"dead man's switch, {site}")]
    return found


def _abilities(chosen: SiteSettings, check: str) -> list[CheckResult]:
    """Return what a plan may ask that the inverter cannot do; nothing where control is off, or it can do all."""
    control = chosen.home_assistant.control
    if not control.enabled:
        return []
    curtailable = bool(chosen.limits.curtailable)
    try:
        translator = translator_of(control, chosen.battery.discharge_kw, throttles=curtailable)
    except ConfigurationError:
        return []  # told by the check of the inverter
    if curtailable and not translator.throttles:
        detail = "limits.curtailable is true, and control cannot throttle the panels: plans make room that is not used"
        remedy = "name the entities that limit its export (docs/inverters.md), or set limits.curtailable: false"
        return [warned(check, detail, remedy)]
    if translator.lacks:
        return [passed(check, f"the inverter cannot {' or '.join(translator.lacks)}: its default stands then")]
    return []


def _inverter(settings: HomeAssistantSettings, check: str) -> list[CheckResult]:
    """Return whether the profile of the inverter fits its settings, and is confirmed; nothing where none is used."""
    control = settings.control
    if control.profile != "inverter" or control.inverter.family is None:
        return []
    try:
        translator_of(control, 0.0, throttles=True)
        profile = profile_of(control.inverter.family, control.inverter.profiles_folder)
    except ConfigurationError as error:
        return [warned(check, error.message, error.hint)]
    if untested := unconfirmed(control):
        return [
            warned(
                check, untested.partition(":")[0], f"{FIRST}: {'; '.join(profile.needs)}" if profile.needs else FIRST
            )
        ]
    return [passed(check, f"{profile.title}, confirmed by you")]


def _floor(chosen: SiteSettings, check: str) -> list[CheckResult]:
    """Return whether the inverter's own floor keeps what plans keep, since it is all that holds where control ends."""
    control, care = chosen.home_assistant.control, chosen.household.care
    kept = chosen.battery.min_soc_percent + max((each.percent for each in care.reserve), default=0.0)
    if not control.enabled or control.profile != "inverter" or control.inverter.family is None:
        return []
    try:
        entities = profile_of(control.inverter.family, control.inverter.profiles_folder).entities
    except ConfigurationError:
        return []  # told by the check of the inverter
    for role, fact in entities.items():
        own = control.inverter.own.get(role)
        if fact.floor is None or not isinstance(own, float):
            continue
        floor = own if fact.floor == "kept" else 100 - own
        if floor >= kept - 1:
            return [passed(check, f"the inverter itself keeps {floor:g} %, plans keep up to {kept:.0f} %")]
        value = kept if fact.floor == "kept" else 100 - kept
        remedy = (
            f"if it is to keep that, set it on the inverter, and home_assistant.control.inverter.own.{role}: {value:g}"
        )
        return [
            warned(check, f"where control ends the inverter keeps {floor:g} %, plans keep up to {kept:.0f} %", remedy)
        ]
    return []


def _outstanding(folder: Path, site_folder: Path, check: str) -> list[CheckResult]:
    """Return a warning where a lease is outstanding and no service lives that holds it."""
    reading = look_at_lease(folder)
    if reading.problem:
        return [warned(check, reading.problem, "look at the inverter, then run `darkstar control release`")]
    if reading.outstanding is None or _serving(site_folder):
        return []
    guard = live_guard(folder)
    if guard is None:
        return [
            warned(check, "a lease is outstanding and no guard lives: the inverter may not be at its default", APART)
        ]
    detail = guard.problem or "a lease is outstanding; the guard restores the inverter's default"
    return [warned(check, detail, "wait for it, or look at the inverter and run `darkstar control release`")]


def _guard(folder: Path, check: str) -> CheckResult:
    """Return whether a guard lives that does not share the service's fate."""
    status = live_guard(folder)
    if status is None:
        return warned(check, "no guard runs apart from the service", APART)
    if not status.stays:
        return warned(check, "the guard is a child of the service, and may die with it", APART)
    if status.problem:
        return warned(check, status.problem, "see the guard's log")
    return passed(check, f"apart from the service, looked {max(0.0, status.age(uptime_seconds())):.0f} s ago")


def _dead_man(chosen: SiteSettings, check: str) -> CheckResult:
    """Return whether timer and automation are in Home Assistant, as they would be written now, and it is on."""
    settings, ca_file = chosen.home_assistant, chosen.sources.ca_file
    timer = settings.control.dead_man_timer
    if timer is None:
        remedy = f"{INSTALL}, and set home_assistant.control.dead_man_timer"
        return warned(check, "none: where this machine dies, the last command stands", remedy)
    names = DeadManNames(timer)
    try:
        token = secret(TOKEN_VARIABLE, settings.token_file)
        with HomeAssistantClient(settings.url or "", token or "", ca_file=ca_file) as client:
            states = {entity: client.state(entity) for entity in (names.timer, names.armed, names.automation)}
    except DarkstarError as error:
        return warned(check, f"cannot be looked at: {error.message}", error.hint)
    missing = [entity for entity, state in states.items() if state is None]
    if missing:
        return warned(check, f"Home Assistant has no {', '.join(missing)}", INSTALL)
    automation = states[names.automation]
    if automation is None or automation.get("state") != "on":
        return warned(check, f"{names.automation} is off", "turn it on in Home Assistant")
    if _edition(chosen, names) not in str((states[names.armed] or {}).get("attributes", {}).get("friendly_name")):
        old = "Home Assistant has another package than Darkstar writes now: its default or its rules may be old"
        return warned(check, old, f"{INSTALL}, copy the file and restart Home Assistant")
    return passed(check, f"{names.timer} and {names.automation} are there")


def _edition(chosen: SiteSettings, names: DeadManNames) -> str:
    """Return the edition of the package that would be written now; empty where the inverter's check tells why none."""
    control = chosen.home_assistant.control
    try:
        default = translator_of(
            control, chosen.battery.discharge_kw, throttles=bool(chosen.limits.curtailable)
        ).default()
    except ConfigurationError:
        return ""
    return edition(names, default, control.lease_minutes * 60)


def _serving(folder: Path) -> bool:
    return is_locked(folder / SERVING_LOCK)
