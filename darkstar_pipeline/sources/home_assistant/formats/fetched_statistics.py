"""Statistics that Home Assistant answered over its WebSocket interface, as an export's file would hold them.

A counter's are hourly statistics. A power or level has means only; these stand as a history download has them: a row an
hour, stamped with the hour's start, and every five minutes where the recorder still keeps those.
"""

from collections.abc import Mapping, Sequence

import polars as pl

from darkstar_pipeline.sources.home_assistant.formats.states import States, StatesBuilder
from darkstar_pipeline.sources.home_assistant.formats.statistics_layouts import ROW, HourlyStatistics

Row = Mapping[str, float | None]
VALUES = ("sum", "change", "state", "mean")
ROWS = pl.Schema({"entity": pl.String(), "start": pl.Int64(), "end": pl.Int64(), **dict.fromkeys(VALUES, pl.Float64())})
"""Statistics of one period length; instants in milliseconds since 1970."""

_HOUR_MS = 3_600_000
_ANSWERED = {**ROWS, "start": pl.Float64(), "end": pl.Float64()}


def rows_of(answer: Mapping[str, Sequence[Row]]) -> pl.DataFrame:
    """Return the rows of an answer as `ROWS`."""
    rows = [
        (entity, row.get("start"), row.get("end"), *(row.get(name) for name in VALUES))
        for entity, entries in answer.items()
        for row in entries
    ]
    read = pl.DataFrame(rows, schema=_ANSWERED, orient="row")
    return read.select(pl.col(name).cast(kind) for name, kind in ROWS.items())


def exports_of(
    hourly: pl.DataFrame, fine: pl.DataFrame, units: Mapping[str, str], source: str
) -> list[States | HourlyStatistics]:
    """Return what was fetched as the exports that an import reads.

    Args:
        hourly: rows by the hour.
        fine: rows by five minutes, of the last days.
        units: unit by sensor.
        source: name that is reported.
    """
    fine = _whole_hours(fine)
    every = pl.concat([hourly, fine])
    counts = every.group_by("entity").agg(pl.col("sum").is_not_null().any())
    counters = [str(entity) for entity, counted in counts.iter_rows() if counted]
    parts = [(hourly, f"{source}, hourly statistics"), (fine, f"{source}, five-minute statistics")]
    statistics = [_counted(rows.filter(pl.col("entity").is_in(counters)), units, file) for rows, file in parts]
    means = _means(*(rows.filter(~pl.col("entity").is_in(counters)) for rows, _ in parts))
    states = [] if means.is_empty() else [_states(means, units, f"{source}, mean values")]
    return [*states, *(export for export in statistics if export.frame.height)]


def _whole_hours(fine: pl.DataFrame) -> pl.DataFrame:
    """The rows from the first full hour on: of an hour that is there in part, the hour's own row tells more."""
    hour = pl.col("start").min().sub(1) // _HOUR_MS * _HOUR_MS + _HOUR_MS
    return fine.filter(pl.col("start") >= hour)


def _counted(rows: pl.DataFrame, units: Mapping[str, str], file: str) -> HourlyStatistics:
    """The statistics of counters."""
    texts = {"stamp": "start", "end": "end", "total": "sum", "change": "change"}
    columns = [pl.col(source).cast(pl.String).alias(name) for name, source in texts.items()]
    frame = rows.filter(pl.col("sum").is_not_null()).sort("entity", "start").select("entity", *columns, ROW)
    return HourlyStatistics(file=file, frame=frame, units=units)


def _means(hourly: pl.DataFrame, fine: pl.DataFrame) -> pl.DataFrame:
    """The means of powers and levels: by the hour as far as there are none by five minutes."""
    since = fine.group_by("entity").agg(pl.col("start").min().alias("_since"))
    older = hourly.join(since, on="entity", how="left").filter(
        pl.col("_since").is_null() | (pl.col("end") <= pl.col("_since"))
    )
    both = pl.concat([older.select(hourly.columns), fine])
    return both.filter(pl.col("mean").is_not_null()).sort("entity", "start")


def _states(means: pl.DataFrame, units: Mapping[str, str], file: str) -> States:
    """Means as the rows of a history."""
    stamp = pl.from_epoch("start", "ms").dt.strftime("%Y-%m-%dT%H:%M:%SZ").alias("stamp")
    builder = StatesBuilder()
    builder.add(means.select("entity", pl.col("mean").cast(pl.String).alias("state"), stamp))
    return builder.states(file, units)
