"""The month in which a span begins late: where power is charged, what is taken of the peaks before the span."""

from datetime import date

from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.month_before import month_before
from planner.demand_charges.bills import has_demand_charge
from planner.wording.messages import phrase
from planner.wording.values import power


def begun_month(context: Context, first: date) -> list[str]:
    """Return what is assumed of the days of a month before a span, a sentence; nothing where no charge rests on it.

    Args:
        context: the site, or what it would be.
        first: first local day of the span.
    """
    if first.day == 1 or not has_demand_charge(context.site):
        return []
    before, n_days = month_before(context.lake, context.site, first), first.day - 1
    read = [max((kw for component in peaks_kw for kw in component), default=0.0) for _, peaks_kw in before]
    if not read:
        return [
            phrase(
                "nothing was read of {month} before {day}: the span is charged as if nothing had been imported by then",
                month=f"{first:%Y-%m}",
                day=str(first),
            )
        ]
    if len(read) < n_days:
        return [
            phrase(
                "of {month} before {day}, {read} of {days} days were read; their highest peak, {peak}, stands in every "
                "case, and the other days count as no import",
                month=f"{first:%Y-%m}",
                day=str(first),
                read=len(read),
                days=n_days,
                peak=power(max(read)),
            )
        ]
    return [
        phrase(
            "{month} had begun before {day}: the peaks that were read by then, the highest {peak}, stand in every case",
            month=f"{first:%Y-%m}",
            day=str(first),
            peak=power(max(read)),
        )
    ]
