"""The days of a home: one partitions definition, shared by all its daily assets.

Assets that differed only in their first day would split a single run into several, so there is exactly one per home.
"""

import dagster as dg

from darkstar_pipeline.config.site import SiteSettings

AHEAD = 2  # days past the last complete one: today, and tomorrow, whose prices are out at about 13:00


def daily_partitions(settings: SiteSettings) -> dg.DailyPartitionsDefinition:
    """Local days from the home's first day to tomorrow."""
    return dg.DailyPartitionsDefinition(
        start_date=settings.first_day.isoformat(), timezone=settings.timezone, end_offset=AHEAD
    )
