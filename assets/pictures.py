"""Small pictures for the page, under 50 kB each: they are kept inside the events of a run."""

import polars as pl

from assets.home import Home
from darkstar_pipeline.pictures import day_figure, png_bytes, verdict_figure
from planner.evaluation.verdict import Evaluation


def last_day(schedules: pl.DataFrame, home: Home) -> dict[str, bytes]:
    """The last day of some schedules, a panel a policy, as PNG by title; nothing where there is no day."""
    if schedules.is_empty():
        return {}
    day = schedules["local_day"].max()
    rows = schedules.filter(pl.col("local_day") == day).sort("policy", "slot_start")
    figure = day_figure(
        rows,
        day=rows["local_day"][0],
        timezone=home.timezone,
        capacity_kwh=home.site.battery.capacity_kwh,
        currency=home.site.currency,
        small=True,
    )
    return {f"{day}": png_bytes(figure)}


def verdict(evaluation: Evaluation, home: Home) -> dict[str, bytes]:
    """Return plots of each policy's cost and saving, as PNG by title; none without an evaluated day."""
    if evaluation.days.is_empty():
        return {}
    figure = verdict_figure(evaluation.days, evaluation.totals, currency=home.site.currency, small=True)
    return {"verdict": png_bytes(figure)}
