"""`darkstar fleet query`: read-only SQL on the tables of a fleet."""

from datetime import date
from typing import Annotated

import typer

from darkstar_pipeline.commands.query import OutFormat, Statement, answer_of, chosen_format
from darkstar_pipeline.console.arguments import OutFile, check_range, parse_day
from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Answer


def query(
    call: Call,
    sql: Statement,
    *,
    first: Annotated[
        date | None, typer.Option("--from", parser=parse_day, metavar="DAY", help="Only days from this one.")
    ] = None,
    last: Annotated[
        date | None, typer.Option("--to", parser=parse_day, metavar="DAY", help="Only days up to this one.")
    ] = None,
    form: OutFormat = None,
    out: OutFile = None,
) -> Answer:
    """Run read-only SQL on the tables of a fleet.

    Every table is a view over all homes, and `plans` has the last plan of each; instants are in UTC. From an object
    store the objects of the tables that the statement names are fetched whole: name the days, too, where there are
    many.
    """
    from darkstar_pipeline.config.settings import home_dir, load_settings
    from darkstar_pipeline.fleet.homes_file import fleet_of
    from darkstar_pipeline.fleet.lake import fleet_lake
    from darkstar_pipeline.planning.fleet.plan_rows import PLANS_PREFIX, stored_plans
    from darkstar_pipeline.warehouse.buckets.fleet_query import run_fleet_query

    if first is not None and last is not None:
        check_range(first, last)
    chosen = chosen_format(form, out)
    lake = fleet_lake(fleet_of(load_settings()), home_dir())
    with run_fleet_query(lake, sql, first, last, others={PLANS_PREFIX: stored_plans}) as result:
        return answer_of(call, result, chosen, out)
