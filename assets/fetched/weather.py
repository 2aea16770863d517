"""Weather and forecasts of the panels as an asset: fetched whenever its schedule asks for them."""

from datetime import timedelta

import dagster as dg
import polars as pl

from assets.description import markdown_table
from assets.home import Home, Result, source_pool
from darkstar_pipeline.fetching.log import FetchLog
from darkstar_pipeline.fetching.weather.due import fetches_weather

FETCHED_WEATHER = "fetched_weather"
GROUP = "fetched"
LATE, TOO_LATE = timedelta(hours=9), timedelta(hours=24)
"""Three times a fetch was missed; and no forecast of today is there."""
_AGAIN = dg.RetryPolicy(max_retries=3, delay=120, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)
_SHOWN = ("source", "asked_at", "outcome", "reason", "rows", "published_at", "sha256")


def fetched_weather_asset(home: Home) -> dg.AssetsDefinition:
    """The asset `fetched_weather` of a home, which fills `raw_weather`."""
    shown = home.presentation(None, group=GROUP, kinds=("http", "parquet"))
    del shown["partitions_def"]  # a forecast is of nine days, and of the moment it is made

    def fetched_weather() -> Result:
        """Forecasts of weather and of the panels as they are now, from the first source that gives them.

        They are stored in `raw_weather` with the moment they were known; earlier ones stay beside them. A run fails,
        and is tried again, where no source gives the weather; what is stored stays as it is.
        """
        from darkstar_pipeline.fetching.weather.forecasts import fetch_forecasts

        fetched = fetch_forecasts(home.context)
        log = FetchLog(home.context.home).entries(home.name, "weather", limit=5)
        table = markdown_table(pl.DataFrame([{name: str(getattr(one, name) or "") for name in _SHOWN} for one in log]))
        notes = [*fetched.notes, *(f"{error.message}; {error.hint}" for error in fetched.failures)]
        metadata = {
            "new slots": sum(report.slots_new for report in fetched.reports),
            "from": ", ".join(report.files[0] for report in fetched.reports) or "nobody",
            "notes": "; ".join(notes) or "none",
            "last questions": table,
        }
        if fetched.missing and not fetched.reports:
            raise dg.Failure("; ".join(notes), metadata=metadata)
        return dg.MaterializeResult(metadata=metadata)

    return dg.asset(  # pyright: ignore[reportUnknownVariableType] - partly untyped in Dagster
        key_prefix=list(home.prefix) or None,
        retry_policy=_AGAIN,
        pool=source_pool(home.settings.sources.weather.order),
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=TOO_LATE, warn_window=LATE)
        if fetches_weather(home.settings)
        else None,
        **shown,
    )(fetched_weather)
