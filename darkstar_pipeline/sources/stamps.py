"""Instants as files write them, turned into UTC. A stamp without an offset is never guessed here.

The one exception are Home Assistant exports, whose database stores UTC: their readers state the time zone of naive
stamps (`with_naive_read_as`).
"""

import polars as pl

from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.parsed import Refused, raise_refusal, reason_if
from env.home_rows import HOME, homes_of, with_home, within_home
from env.time_grid import SLOT_DTYPE
from planner.wording.columns import worded

# Date, clock and, optionally, an offset: "2026-03-29T02:15:00.000+02:00", "2026-03-29 00:15Z", "... UTC".
_DATE_TIME = r"^\s*(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)"
_OFFSET = r"\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?\s*(Z|z|UTC|[+-]\d{2}:?\d{2}|[+-]\d{2})\s*$"
_WHOLE = _DATE_TIME + r"\s*(?:Z|z|UTC|[+-]\d{2}:?\d{2}|[+-]\d{2})?\s*$"
_UTC = r"^[2-9]\d{3}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?Z$"
_EPOCH_SECONDS, _EPOCH_MILLIS = r"^\d{10}(?:\.\d+)?$", r"^\d{13}$"
_OTHER_CALENDARS = {
    r"^\s*\d{5}(?:[.,]\d+)?\s*$": "the day numbers of a spreadsheet, which have no time zone",
    r"^\s*\d{1,2}[/.-]\d{1,2}[/.-]\d{4}\b": "day and month in an order that differs by country, without a time zone",
}
_EARLIEST_YEAR = 2000
NAIVE = "_naive"
_HALVES = ("earliest", "latest")


def with_instants(frame: pl.DataFrame, source: str, target: str, file: str) -> pl.DataFrame:
    """Add `target` (UTC; null where it cannot be read or is naive) and `_naive` (the clock time without offset).

    Args:
        frame: rows with the column `source`.
        source: text, or a date and time with or without zone.
        target: name of the new column.
        file: name that is reported.

    Raises:
        DataRefusedError: the column is a number or something else that is no date and time.
    """
    dtype = frame.schema[source]
    column = pl.col(source)
    if isinstance(dtype, pl.String):
        quick = frame.select(utc_instants(column)).to_series()
        if quick.null_count() == frame[source].null_count():  # the careful way below costs ten times as much
            return frame.with_columns(quick.alias(target), pl.lit(None, dtype=pl.Datetime("us")).alias(NAIVE))
        clock, offset = _text_parts(column)
        placed = pl.when(offset.is_not_null()).then(clock - pl.duration(minutes=offset)).dt.replace_time_zone("UTC")
        instant = pl.coalesce(placed, _epoch(column))
        naive = pl.when(offset.is_null()).then(clock)
    elif isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        instant = column.dt.convert_time_zone("UTC").cast(SLOT_DTYPE)
        naive = pl.lit(None, dtype=pl.Datetime("us"))
    elif isinstance(dtype, pl.Datetime | pl.Date):
        instant = pl.lit(None, dtype=SLOT_DTYPE)
        naive = column.cast(pl.Datetime("us"))
    else:
        message = f"{file}: column {source} holds {dtype}, not dates and times"
        raise DataRefusedError(message, "write instants such as 2026-01-31T13:15:00Z")
    return frame.with_columns(instant.alias(target), naive.alias(NAIVE))


def utc_instants(column: pl.Expr) -> pl.Expr:
    """The instants of texts such as 2026-01-31T13:15:00.000Z; null where a text is written otherwise, or too old."""
    stamp = pl.when(column.str.contains(_UTC)).then(column)
    return stamp.str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us", strict=False).dt.replace_time_zone("UTC")


def _text_parts(column: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Clock time (naive) and offset [min, null where there is none] of a text; both null where it is no instant."""
    whole = pl.when(column.str.contains(_WHOLE)).then(column)
    clock_text = whole.str.extract(_DATE_TIME, 2)
    seconds = pl.when(clock_text.str.len_chars() == len("00:00")).then(clock_text + ":00").otherwise(clock_text)
    stamp = pl.concat_str([whole.str.extract(_DATE_TIME, 1), seconds], separator=" ")
    clock = stamp.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False)
    text = whole.str.extract(_OFFSET, 1)
    digits = text.str.extract(r"(\d{2}:?\d{2}|\d{2})", 1).str.replace(":", "").str.pad_end(4, "0")
    minutes = digits.str.head(2).cast(pl.Int64, strict=False) * 60 + digits.str.slice(2).cast(pl.Int64, strict=False)
    signed = pl.when(text.str.starts_with("-")).then(-minutes).otherwise(minutes)
    offset = pl.when(text.str.to_uppercase().is_in(["Z", "UTC"])).then(pl.lit(0, dtype=pl.Int64)).otherwise(signed)
    return clock, offset


def _epoch(column: pl.Expr) -> pl.Expr:
    """Seconds or milliseconds since 1970 as an instant; null where the text is none."""
    text = column.str.strip_chars()
    seconds = pl.when(text.str.contains(_EPOCH_SECONDS)).then(text).cast(pl.Float64, strict=False)
    millis = pl.when(text.str.contains(_EPOCH_MILLIS)).then(text).cast(pl.Int64, strict=False)
    micros = pl.coalesce((seconds * 1e6).round().cast(pl.Int64), millis * 1000)
    return pl.from_epoch(micros, time_unit="us").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


def stamp_checks(source: str, target: str) -> list[pl.Expr]:
    """Return the checks of a column made by `with_instants`: readable, with an offset, and of this century."""
    shown = pl.col(source).cast(pl.String)
    unknown = pl.col(target).is_null() & pl.col(NAIVE).is_null()
    return [
        reason_if(pl.col(source).is_null(), pl.lit(f"{target} is empty")),
        reason_if(pl.col(NAIVE).is_not_null(), worded("{} {} has no offset from UTC", pl.lit(target), shown)),
        reason_if(unknown, worded("{} {} is not a date and time", pl.lit(target), shown)),
        too_old(target, source),
    ]


def too_old(target: str, source: str) -> pl.Expr:
    """Return a check that the instant is of this century. A stray year 1 would span millions of slots."""
    shown = pl.col(source).cast(pl.String)
    return reason_if(pl.col(target).dt.year() < _EARLIEST_YEAR, worded("{} {} is before 2000", pl.lit(target), shown))


def without_instants(frame: pl.DataFrame, source: str, target: str, file: str) -> Refused:
    """Return the homes none of whose stamps has an offset, or whose stamps are of another form throughout."""
    lost = frame.filter(within_home(frame, pl.col(target).is_null().all()))
    found = {home: _without_instants(rows, source, target, file) for home, rows in homes_of(lost)}
    return {home: error for home, error in found.items() if error is not None}


def _without_instants(rows: pl.DataFrame, source: str, target: str, file: str) -> DataRefusedError | None:
    """Return why a home none of whose stamps is an instant is refused; None leaves it to its rows."""
    texts = rows[source].drop_nulls().cast(pl.String)
    for form, words in _OTHER_CALENDARS.items():
        if len(texts) and texts.str.contains(form).mean() == 1.0:
            message = f"{file}: {target} holds {words}, as in {texts[0]}"
            return DataRefusedError(message, "write instants: 2026-01-31T13:15:00Z, or ...T14:15:00+01:00")
    if rows[NAIVE].null_count() == rows.height:
        return None
    example = rows.filter(pl.col(NAIVE).is_not_null())[source].cast(pl.String)[0]
    return DataRefusedError(
        f"{file}: {target} has no offset from UTC, as in {example}",
        "write UTC with Z, or the offset: 2026-01-31T13:15:00Z, ...T14:15:00+01:00; "
        "or add --clock local where they show the home's clock",
    )


def refuse_all_naive(frame: pl.DataFrame, source: str, target: str, file: str) -> None:
    """Refuse a file of one home by `without_instants`.

    Raises:
        DataRefusedError: with the remedy.
    """
    raise_refusal(without_instants(frame, source, target, file))


def placed_by_clock(frame: pl.DataFrame, target: str, clock: str | None) -> pl.DataFrame:
    """Return a tidy file's rows with the instants of stamps without offset, as the person says to read them.

    Args:
        frame: made by `with_instants`, in the file's order.
        target: column of instants.
        clock: zone whose clock stamps without offset show; None where nobody said so, which leaves them as they are.
    """
    if clock is None:
        return frame
    placed = with_naive_read_as(with_home(frame), target, clock, HOME).select(frame.columns)
    return placed.with_columns(pl.when(pl.col(target).is_null()).then(NAIVE).alias(NAIVE))  # the skipped spring hour


def with_naive_read_as(frame: pl.DataFrame, target: str, timezone: str, series: str) -> pl.DataFrame:
    """Fill `target` where the stamp is naive, reading it as the clock of a zone.

    The two halves of the repeated autumn hour are distinguished by order: once the clock of a series has gone back
    within that hour, it is the second. Where it only stands (one row an hour), the repeated row is. What happens
    elsewhere on the date says nothing, and a file that runs backwards has its second half first.

    Args:
        frame: made by `with_instants`, in the file's order.
        target: column of instants.
        timezone: zone whose clock the naive stamps show; "UTC" where they are UTC.
        series: column that identifies a series.
    """
    if frame[NAIVE].null_count() == frame.height:  # Polars 2.1 also panics on an empty frame below
        return frame
    naive, nothing = pl.col(NAIVE), pl.duration()
    first, second = (naive.dt.replace_time_zone(timezone, ambiguous=half, non_existent="null") for half in _HALVES)
    known = frame.with_columns(
        _backwards=((naive.diff() < nothing).sum() > (naive.diff() > nothing).sum()).over(series),
        _first=first,
        _second=second,
    )
    hour = [series, naive.dt.date(), pl.col("_first") != pl.col("_second")]
    step = naive.diff().over(hour)
    turned = pl.when("_backwards").then(step > nothing).otherwise(step < nothing).fill_null(value=False)
    repeated = pl.when(turned.any().over(hour)).then(turned).otherwise(step == nothing)
    passed = repeated.fill_null(value=False).cast(pl.Int8).cum_max().over(hour) > 0
    placed = pl.when(passed != pl.col("_backwards")).then("_second").otherwise("_first")
    instant = pl.coalesce(pl.col(target), placed.dt.convert_time_zone("UTC"))
    return known.with_columns(instant.alias(target)).drop("_backwards", "_first", "_second")
