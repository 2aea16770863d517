"""Checks of the machine and of what a person configured on it."""

import shutil
import tempfile
from datetime import date, datetime
from pathlib import Path

from darkstar_pipeline.config.checks.doubts import doubts
from darkstar_pipeline.config.checks.tariff_age import mend_tariff, tariff_doubts
from darkstar_pipeline.config.settings import Settings, config_path
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.config.tariff import TariffSettings
from darkstar_pipeline.config.writer import SAMPLE_SITE
from darkstar_pipeline.doctor.finding import CheckResult, failed, passed, warned
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.state.migrations import STATE_VERSION, read_state_version, refuse_newer_state
from darkstar_pipeline.state.privacy import find_open_files
from env.time_grid import days_between, slot_count, zone

GIB = 1024**3
LEAST_FREE, AMPLE_FREE = 0.2 * GIB, 2 * GIB
"""Free space below which the check fails and warns [bytes]; a backfill of a year writes about 50 MB."""
EARLIEST_NOW = date(2026, 1, 1)
"""Day before which this code did not exist: an earlier clock is wrong."""


def check_clock(now: datetime) -> CheckResult:
    """Check that the clock is plausible."""
    stamp = f"{now:%Y-%m-%d %H:%M} UTC"
    if now.date() < EARLIEST_NOW:
        return failed("clock", f"{stamp} is in the past", "set the clock, best by NTP")
    return passed("clock", stamp)


def check_configuration(settings: Settings) -> CheckResult:
    """Check that a command without `--site` has one site to use."""
    if not settings.sites and settings.fleet is not None:
        return passed("configuration", f"{config_path()}: a fleet")
    if not settings.sites:
        return failed("configuration", f"{config_path()} names no site", "run `darkstar init`")
    named = f"{config_path()}: {', '.join(sorted(settings.sites))}"
    if len(settings.sites) > 1 and settings.default_site is None:
        return warned("configuration", f"{named}, no default_site", "set default_site, or name a site in every command")
    if doubtful := [f"{name}: {doubt}" for name, site in settings.sites.items() for doubt in doubts(site)]:
        return warned("configuration", f"{named}; {'; '.join(doubtful)}", "look at these settings again")
    return passed("configuration", named)


def check_tariff(name: str, site: SiteSettings, now: datetime, *, of_fleet: bool = False) -> CheckResult:
    """Check that the tariff in force is of today: known, within its days, and with the tax of its country."""
    day = now.astimezone(zone(site.timezone)).date()
    version = max((each for each in site.tariff if each.valid_from <= day), key=_begin, default=None)
    detail = f"{name}: " + ("none has begun" if version is None else f"from {version.valid_from} on")
    found = [] if name == SAMPLE_SITE else tariff_doubts(site, day)  # the sample's days are long over
    if version is None:
        return warned("tariff", detail, f"give a tariff that holds on {day}")
    return (
        warned("tariff", f"{name}: {'; '.join(found)}", mend_tariff(name, site.area, of_fleet=of_fleet))
        if found
        else passed("tariff", detail)
    )


def _begin(version: TariffSettings) -> date:
    return version.valid_from


def check_time_zone(name: str, timezone: str, now: datetime) -> CheckResult:
    """Check the zone data by this year's clock changes; a zone in Europe without any is suspicious."""
    year = now.year
    days = days_between(date(year, 1, 1), date(year, 12, 31))
    changes = [str(day) for day in days if slot_count(day, timezone) != 96]  # noqa: PLR2004 - an ordinary day
    detail = f"{name}: {timezone}, clock changes {', '.join(changes) if changes else 'none'}"
    if not changes and timezone.startswith("Europe/") and year < 2037:  # noqa: PLR2004 - zone files end there
        return warned("time zone", detail, "pip install --upgrade tzdata, unless the zone has abolished them")
    return passed("time zone", detail)


def check_state_folder(home: Path) -> CheckResult:
    """Check that files can be written and read back in the state folder."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=home, prefix=".doctor-") as probe:
            probe.write(b"darkstar")
            probe.flush()
            Path(probe.name).read_bytes()
    except OSError as error:
        remedy = "get write permission, or set DARKSTAR_HOME to a folder of your own"
        return failed("state folder", f"{home}: {error.strerror}", remedy)
    return passed("state folder", str(home))


def check_privacy(home: Path) -> CheckResult:
    """Check that nobody but its owner may read the state."""
    found = find_open_files(home)
    if not found.count:
        return passed("privacy", "files of the state are their owner's alone")
    detail = f"{found.count} files and folders of the state can be read by others, such as {found.first}"
    return warned("privacy", detail, "darkstar doctor --repair, or start the service: both mend it")


def check_state_version(home: Path) -> CheckResult:
    """Check that this release knows the layout of the state folder."""
    check = "state version"
    try:
        found = read_state_version(home)
        refuse_newer_state(found, str(home))
    except ConfigurationError as error:
        return failed(check, error.message, error.hint)
    if found < STATE_VERSION:
        return passed(check, f"{found}; the next command brings it up to {STATE_VERSION}")
    return passed(check, str(found))


def check_disk(home: Path) -> CheckResult:
    """Check the free disk space."""
    place = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    detail = f"{free / GIB:.1f} GiB free"
    if free < LEAST_FREE:
        return failed("disk", detail, "free disk space")
    return passed("disk", detail) if free >= AMPLE_FREE else warned("disk", detail, "free disk space soon")
