"""The sensor that has prices fetched: from the market's time of publication on, until they are there.

It is on by default, since it exists only for homes with sources; it also fills gaps of the last days. What does not
belong here: when a source may be asked (`fetching.prices.due`).
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import dagster as dg

from assets.home import Home
from darkstar_pipeline.fetching.prices.due import due_fetch
from jobs.names import job_name
from jobs.refresh import DAILY_REFRESH, range_tags

SECONDS = 120
"""Between two looks of the sensor [s]: as often as a first question may be late."""


def price_sensors(home: Home) -> Sequence[dg.SensorDefinition]:
    """Return the sensor of a home; none where its prices are imported."""
    if not home.settings.sources.prices.order:
        return ()
    name = job_name(home, DAILY_REFRESH)

    @dg.sensor(  # pyright: ignore[reportUnknownMemberType] - partly untyped in Dagster
        name=job_name(home, "price_sensor"),
        job_name=name,
        minimum_interval_seconds=SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Fetches prices of {home.name} once the market has published them.",
    )
    def look() -> dg.RunRequest | dg.SkipReason:
        due = due_fetch(home.context, datetime.now(UTC))
        if due is None:
            return dg.SkipReason("every price that is published is there, or it is too early to ask again")
        return dg.RunRequest(run_key=due.key, tags=range_tags(due.first, due.last))

    return (look,)
