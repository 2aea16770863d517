"""Descriptions of a run of days for the page: counts, small tables, days left out.

What describes a whole range is put on the last day of the run only: a single run leaves one event a day, and what is
put on all of them is stored as many times.
"""

from base64 import b64encode
from collections.abc import Mapping
from datetime import date
from typing import Any

import dagster as dg
import polars as pl

TABLE_ROWS = 20  # a table in the page is for a glance, not for reading the lake


def days_of(context: dg.AssetExecutionContext) -> list[date]:
    """The local days of the run, ascending."""
    return [date.fromisoformat(key) for key in context.partition_keys]


def describe_range(context: dg.AssetExecutionContext, rows: pl.DataFrame, day_column: str, **extras: Any) -> None:  # noqa: ANN401 - Dagster takes many kinds of metadata
    """Put the row count on every day, and the range's totals and `extras` on the last."""
    counted = dict(rows.group_by(day_column).len().iter_rows())
    for day in days_of(context):
        metadata = {"dagster/partition_row_count": counted.get(day, 0)}
        context.add_asset_metadata(metadata, partition_key=day.isoformat())
    totals = {"days": len(context.partition_keys), "days with rows": len(counted), "rows": rows.height}
    context.add_asset_metadata({**totals, **extras}, partition_key=context.partition_keys[-1])


def describe_left_out(context: dg.AssetExecutionContext, reasons: Mapping[date, str]) -> None:
    """Put the reason on every day that was left out, and all of them on the last day of the run."""
    for day, reason in reasons.items():
        context.add_asset_metadata({"left out": reason}, partition_key=day.isoformat())
    table = pl.DataFrame(
        {"day": list(reasons), "reason": list(reasons.values())}, {"day": pl.Date, "reason": pl.String}
    )
    summary = {"days left out": len(reasons), "days left out, and why": markdown_table(table)}
    context.add_asset_metadata(summary, partition_key=context.partition_keys[-1])


def markdown_table(frame: pl.DataFrame, digits: int = 2) -> dg.MarkdownMetadataValue:
    """The first rows of a frame as a Markdown table; says how many more there are."""
    lines = [f"| {' | '.join(frame.columns)} |", f"|{'---|' * frame.width}"]
    lines += [f"| {' | '.join(_cell(value, digits) for value in row)} |" for row in frame.head(TABLE_ROWS).iter_rows()]
    if frame.height > TABLE_ROWS:
        lines.append(f"\n… and {frame.height - TABLE_ROWS} more")
    return dg.MetadataValue.md("\n".join(lines))


def picture_metadata(pictures: Mapping[str, bytes]) -> dict[str, dg.MarkdownMetadataValue]:
    """Small pictures by title, kept inside the event."""
    return {
        title: dg.MetadataValue.md(f"![{title}](data:image/png;base64,{b64encode(png).decode()})")
        for title, png in pictures.items()
    }


def _cell(value: object, digits: int) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.{digits}f}"
    return str(value).replace("|", "\\|").replace("\n", " ")
