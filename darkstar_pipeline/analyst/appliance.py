"""The best start for an appliance in money, by the names of its document, the same in the CLI and the API."""

from datetime import datetime
from typing import Any

from darkstar_pipeline.context import Context
from darkstar_pipeline.planning.plan_inputs import StartSoc, inputs_at
from planner.whatif.run_starts import run_starts


def appliance_document(
    context: Context,
    at: datetime,
    *,
    power_kw: float,
    run_hours: float,
    until: datetime | None = None,
    soc: StartSoc | None = None,
    lenient: bool = False,
) -> dict[str, Any]:
    """Return starts with their price: `best` and `now` (None where a fuse allows none), and all in order of time.

    Args:
        context: the site.
        at: the moment.
        power_kw: power while it runs [kW].
        run_hours: duration [h].
        until: moment by which it has to be done; None: the last known price.
        soc: stored energy then, where something better is known than the readings.
        lenient: plan on old forecasts rather than on none, as the service does.

    Raises:
        DataMissingError: there is no price, or nothing to forecast from.
        LoadRequestError: the run does not fit.
    """
    inputs = inputs_at(context, at, soc=soc, lenient=lenient)
    starts = run_starts(inputs.task, power_kw, run_hours, until)
    rows: list[dict[str, Any]] = [{"start": each.start, "end": each.end, "price": each.price} for each in starts]
    priced = [row for row in rows if row["price"] is not None]
    return {
        "site": context.site_name,
        "currency": context.site.currency,
        "at": inputs.at,
        "now": rows[0] if rows[0]["price"] is not None else None,
        "best": min(priced, key=lambda row: row["price"], default=None),
        "starts": rows,
    }
