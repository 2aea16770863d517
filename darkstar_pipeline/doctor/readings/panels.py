"""Check of the panels by their readings: days on which they gave next to nothing though there was light."""

from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.context import open_context
from darkstar_pipeline.datasets.replay_inputs import home_has_pv
from darkstar_pipeline.doctor.finding import CheckResult, passed, warned
from darkstar_pipeline.forecasts.inputs import history_between, panels_of
from darkstar_pipeline.warehouse.lake import LakeUnreadableError, SchemaMismatchError
from env.time_grid import day_start, days_between
from planner.forecasts.covered_panels import covered_days
from planner.forecasts.slot_series import slot_series

DAYS = 60  # what a clear day gives is seen among so many
RECENT_DAYS, LASTING_DAYS = 14, 3
_REMEDY = "look for snow on the panels, a tripped breaker or an inverter that is off; then the sensor of PV"


def check_panels(settings: Settings, home: Path, site: str, now: datetime) -> CheckResult | None:
    """Check whether the panels of a site gave something on its last days; None where none can be read."""
    try:
        return _judged(settings, home, site, now)
    except (LakeUnreadableError, SchemaMismatchError):
        return None  # the checks of the lake say which file


def _judged(settings: Settings, home: Path, site: str, now: datetime) -> CheckResult | None:
    context = open_context(site, settings=settings, home=home)
    if not home_has_pv(context.lake, site, context.site_settings.has_pv):
        return None
    yesterday = now.astimezone(ZoneInfo(context.timezone)).date() - timedelta(days=1)
    days = list(days_between(yesterday - timedelta(days=DAYS - 1), yesterday))
    history = history_between(context, days[0], days[-1])
    check = f"panels, {site}"
    if not history["pv_kwh"].count():
        return passed(check, f"no PV of the last {DAYS} days is there to judge by")
    series = slot_series(history, context.timezone)
    firsts = np.array(
        [series.index(day_start(day, context.timezone)) for day in [*days, yesterday + timedelta(days=1)]]
    )
    covered = covered_days(series, panels_of(context), firsts)[:-1]
    found = [
        day for day, dark in zip(days, covered, strict=True) if dark and day > yesterday - timedelta(days=RECENT_DAYS)
    ]
    if not found:
        return passed(check, f"they gave something on each day of the last {RECENT_DAYS}")
    detail = f"they gave next to nothing on {_named(found)}; such days count less in the training of Aurora"
    lasting = len(found) >= LASTING_DAYS and found[-1] >= yesterday - timedelta(days=1)
    return warned(check, detail, _REMEDY) if lasting else passed(check, detail)


def _named(days: list[date]) -> str:
    """Return some days by name, the last ones of many."""
    shown = ", ".join(str(day) for day in days[-LASTING_DAYS:])
    return shown if len(days) <= LASTING_DAYS else f"{len(days)} of the last {RECENT_DAYS} days, the last {shown}"
