"""The last days that are fetched by schedule: since yesterday, or since the first of them without a reading."""

from datetime import date, timedelta

from darkstar_pipeline.context import Context
from darkstar_pipeline.warehouse.schemas import METER_READINGS

DAYS = 9
"""Home Assistant keeps quarter-hours of ten days; of older days it has hours (`darkstar fetch readings --from DAY`)."""


def first_day_to_fetch(context: Context, today: date) -> date:
    """Return the first day to fetch.

    Args:
        context: the site and its lake.
        today: the present local day.
    """
    stored = set(context.lake.days(METER_READINGS, context.site_name))
    past = [today - timedelta(days=days) for days in range(DAYS, 0, -1)]
    return next((day for day in past if day not in stored), past[-1])
