"""Readings fetched from the home's Home Assistant as an asset: the last days, several times a day."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg

from assets.fetched.weather import GROUP
from assets.home import Home, Result
from darkstar_pipeline.fetching.readings.home_assistant import fetch_readings, open_socket
from darkstar_pipeline.fetching.readings.recent_days import first_day_to_fetch
from darkstar_pipeline.home_assistant_api.failures import HomeAssistantError
from darkstar_pipeline.sources.home_assistant.naming.configured_sensors import configured_mapping
from env.time_grid import zone

FETCHED_READINGS = "fetched_readings"
LATE, TOO_LATE = timedelta(hours=13), timedelta(hours=30)
"""Twice a fetch was missed; and nothing of yesterday came."""
_AGAIN = dg.RetryPolicy(max_retries=3, delay=120, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)
_NOTES = 40


def fetches_readings(home: Home) -> bool:
    """Return whether a home's readings are fetched: its Home Assistant and sensors are configured."""
    settings = home.settings.home_assistant
    return settings.url is not None and bool(configured_mapping(settings.sensors))


def fetched_readings_asset(home: Home) -> dg.AssetsDefinition:
    """The asset `fetched_readings` of a home, which fills `meter_readings` and `meter_statistics`."""
    shown = home.presentation(None, group=GROUP, kinds=("http", "parquet"))
    del shown["partitions_def"]  # it fetches what is missing of the last days, whichever they are

    def fetched_readings() -> Result:
        """Readings of the last days from Home Assistant's statistics, by quarter-hours.

        It begins with the first of the last nine days of which nothing is stored, so that a gap heals by itself. A
        run fails, and is tried again, where Home Assistant does not answer; what is stored stays as it is.
        """
        now = datetime.now(UTC)
        today = now.astimezone(zone(home.timezone)).date()
        first = first_day_to_fetch(home.context, today)
        try:
            with open_socket(home.context) as socket:
                fetched = fetch_readings(home.context, socket, first=first, last=None, now=now)
        except HomeAssistantError as error:
            raise dg.Failure(f"{error.message}; {error.hint}", metadata=_asked(first, now)) from error
        report = fetched.report
        notes = "\n".join(f"- {note}" for note in (*fetched.notes, *report.notes)[:_NOTES])
        counts = {"new slots": report.slots_new, "changed slots": report.slots_changed}
        refused = {"refused rows": report.rows_rejected}
        return dg.MaterializeResult(
            metadata={**_asked(first, now), **counts, **refused, "notes": dg.MetadataValue.md(notes or "none")}
        )

    return dg.asset(  # pyright: ignore[reportUnknownVariableType] - partly untyped in Dagster
        key_prefix=list(home.prefix) or None,
        retry_policy=_AGAIN,
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=TOO_LATE, warn_window=LATE),
        **shown,
    )(fetched_readings)


def _asked(first: date, now: datetime) -> dict[str, str]:
    return {"asked from": str(first), "asked at": f"{now:%Y-%m-%d %H:%M:%SZ}"}
