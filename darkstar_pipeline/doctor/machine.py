"""Checks of the machine and of what a person configured on it."""

import shutil
import sys
import tempfile
from datetime import date, datetime
from pathlib import Path

from darkstar_pipeline.config.settings import Settings, config_path
from darkstar_pipeline.doctor.finding import CheckResult, failed, passed, warned
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.state.migrations import STATE_VERSION, read_state_version, refuse_newer_state
from env.time_grid import days_between, slot_count

OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 13)
GIB = 1024**3
LEAST_FREE, AMPLE_FREE = 0.2 * GIB, 2 * GIB
"""A backfill of a year writes about 50 MB; below the first nothing is safe, below the second it is time to look."""
EARLIEST_NOW = date(2026, 1, 1)
"""This code did not exist before: a clock that says otherwise is wrong."""


def check_python() -> CheckResult:
    """Check that the packages are pinned for this Python."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    if OLDEST_PYTHON <= sys.version_info[:2] <= NEWEST_PYTHON:
        return passed("python", version)
    oldest, newest = (".".join(str(part) for part in each) for each in (OLDEST_PYTHON, NEWEST_PYTHON))
    return failed("python", version, f"install into a Python {oldest} to {newest}")


def check_clock(now: datetime) -> CheckResult:
    """Check that the clock can be right."""
    stamp = f"{now:%Y-%m-%d %H:%M} UTC"
    if now.date() < EARLIEST_NOW:
        return failed("clock", f"{stamp} is in the past", "set the clock, best by NTP")
    return passed("clock", stamp)


def check_configuration(settings: Settings) -> CheckResult:
    """Check that it is clear which home a command means."""
    if not settings.sites:
        return failed("configuration", f"{config_path()} names no site", "run `darkstar init`")
    named = f"{config_path()}: {', '.join(sorted(settings.sites))}"
    if len(settings.sites) > 1 and settings.default_site is None:
        return warned("configuration", f"{named}, no default_site", "set default_site, or name a site in every command")
    return passed("configuration", named)


def check_time_zone(name: str, timezone: str, now: datetime) -> CheckResult:
    """Check which clock changes the zone data knows for this year: none at all would be suspicious in Europe."""
    year = now.year
    days = days_between(date(year, 1, 1), date(year, 12, 31))
    changes = [str(day) for day in days if slot_count(day, timezone) != 96]  # noqa: PLR2004 - an ordinary day
    detail = f"{name}: {timezone}, clock changes {', '.join(changes) if changes else 'none'}"
    if not changes and timezone.startswith("Europe/") and year < 2037:  # noqa: PLR2004 - zone files end there
        return warned("time zone", detail, "pip install --upgrade tzdata, unless the zone has abolished them")
    return passed("time zone", detail)


def check_state_folder(home: Path) -> CheckResult:
    """Check that files can be made and read back in the state folder."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=home, prefix=".doctor-") as probe:
            probe.write(b"darkstar")
            probe.flush()
            Path(probe.name).read_bytes()
    except OSError as error:
        remedy = "give yourself the rights, or set DARKSTAR_HOME to a folder of yours"
        return failed("state folder", f"{home}: {error.strerror}", remedy)
    return passed("state folder", str(home))


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
    """Check that there is room to write."""
    place = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    detail = f"{free / GIB:.1f} GiB free"
    if free < LEAST_FREE:
        return failed("disk", detail, "free disk space")
    return passed("disk", detail) if free >= AMPLE_FREE else warned("disk", detail, "free disk space soon")
