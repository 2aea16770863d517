"""Small pictures for the page, a few kilobytes each: they are kept inside the events of a run.

`darkstar plot` draws the full-sized ones; these are for a glance.
"""

from io import BytesIO
from typing import TYPE_CHECKING

import polars as pl

from env.site import Site

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SIZE = (6.4, 2.8)
_DPI = 80


def day_picture(schedules: pl.DataFrame, site: Site) -> bytes:
    """The last day of some schedules: import price, and stored energy of each policy; PNG."""
    from matplotlib.figure import Figure  # nearly a second, paid only where a picture is drawn

    day = schedules["local_day"].max()
    rows = schedules.filter(pl.col("local_day") == day).sort("slot_start")
    figure = Figure(figsize=_SIZE, dpi=_DPI, layout="constrained")
    stored, price = figure.add_subplot(), None
    for (policy,), part in rows.partition_by("policy", as_dict=True, maintain_order=True).items():
        clock = part["slot_start"].dt.convert_time_zone(site.timezone).dt.replace_time_zone(None)
        percent = part["soc_end_kwh"] / site.battery.capacity_kwh * 100
        stored.step(clock.to_numpy(), percent.to_numpy(), where="post", label=str(policy))
        if price is None:
            price = stored.twinx()
            price.step(clock.to_numpy(), part["import_price"].to_numpy(), where="post", color="0.75", zorder=0)
            price.set_ylabel(f"import price [{site.currency}/kWh]", color="0.5")
    stored.set(ylabel="state of charge [%]", ylim=(0, 105), title=f"{site.name}, {day}")
    stored.legend(loc="upper left", fontsize="small")
    stored.tick_params(axis="x", labelrotation=30, labelsize="small")
    return _png(figure)


def cost_picture(results: pl.DataFrame, site: Site) -> bytes:
    """What each policy saved against idle, day after day added up; without idle, what each paid; PNG."""
    from matplotlib.figure import Figure  # as above

    idle = results.filter(pl.col("policy") == "idle").select("day", idle="cost")
    drawn = results.join(idle, on="day", how="left").sort("day")
    against_idle = idle.height > 0
    figure = Figure(figsize=_SIZE, dpi=_DPI, layout="constrained")
    axes = figure.add_subplot()
    for (policy,), part in drawn.partition_by("policy", as_dict=True, maintain_order=True).items():
        if against_idle and policy == "idle":
            continue
        money = part["idle"] - part["cost"] if against_idle else part["cost"]
        axes.plot(part["day"].to_numpy(), money.fill_null(0.0).cum_sum().to_numpy(), label=str(policy))
    title = "saved against idle" if against_idle else "paid"
    axes.set(ylabel=f"{title} [{site.currency}]", title=f"{site.name}, {title}")
    axes.legend(loc="upper left", fontsize="small")
    axes.tick_params(axis="x", labelrotation=30, labelsize="small")
    axes.grid(alpha=0.3)
    return _png(figure)


def _png(figure: "Figure") -> bytes:
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
