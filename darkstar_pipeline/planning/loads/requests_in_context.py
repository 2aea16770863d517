"""Requests of the movable loads with what only the rows of the lake know: readings of today, prices of other days."""

from dataclasses import replace

import polars as pl

from darkstar_pipeline.config.household.heater import WaterHeaterSettings
from darkstar_pipeline.planning.loads.disinfection import due_run
from darkstar_pipeline.planning.loads.later_prices import with_later_price
from darkstar_pipeline.planning.planning_data import PlanningData
from env.site import Site
from env.time_grid import day_start
from planner.optimizer.deferrable_loads import HeaterRequest, LoadRequests


def requests_in_context(
    requests: LoadRequests | None, data: PlanningData, slots: pl.DataFrame, site: Site
) -> LoadRequests:
    """Return the requests of a plan.

    Args:
        requests: as they were made; None requests nothing beyond the heater's day.
        data: the rows of the lake.
        slots: `slot_start, import_price` from today's midnight to the last published slot.
        site: the home.
    """
    made = LoadRequests() if requests is None else requests
    if site.devices.water_heater is not None:
        made = replace(made, heater=_heater(made.heater, data, slots, site))
    if site.devices.vehicle is not None:
        made = with_later_price(made, slots, site.timezone, site.devices.vehicle.power_kw)
    return made


def with_comfort(requests: LoadRequests | None, heater: WaterHeaterSettings | None) -> LoadRequests | None:
    """Return requests with the heater's comfort by the hour, as it is set; none in vacation."""
    if heater is None or not heater.comfort:
        return requests
    made = LoadRequests() if requests is None else requests
    if made.heater.vacation:
        return made
    comfort = tuple((each.minutes, each.kwh) for each in heater.comfort)
    return replace(made, heater=replace(made.heater, comfort=comfort))


def _heater(request: HeaterRequest, data: PlanningData, slots: pl.DataFrame, site: Site) -> HeaterRequest:
    """Return the heater's request: what was read of today counts as done, a run waits for a cheaper day."""
    today = data.readings.filter((pl.col("local_day") == data.today) & (pl.col("slot_start") < data.start))
    read = today["water_kwh"].drop_nulls()
    if len(read) and request.done_today_kwh == 0:
        request = replace(request, done_today_kwh=float(read.sum()))
    if request.run is None:
        return request
    ahead = slots.filter(pl.col("slot_start") >= data.start)
    since = day_start(site.tariff.versions[0].valid_from, site.timezone)
    before = data.market.recent.filter(pl.col("slot_start") >= since).sort("slot_start").drop_nulls()
    past = site.tariff.with_prices(before, site.timezone)
    return replace(request, run=due_run(request.run, ahead, past, site.timezone))
