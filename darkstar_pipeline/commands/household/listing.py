"""Lists the commands on what a household asks of its devices."""

import typer

from darkstar_pipeline.commands.household import car
from darkstar_pipeline.console.call import command, group_of, shared_options

CAR_PURPOSE = car.PURPOSE


def car_commands() -> typer.Typer:
    """Return the group of commands on the car."""
    group = group_of(CAR_PURPOSE)
    group.callback()(shared_options)
    command(group, "show", examples=("darkstar car show", "darkstar car show --json"))(car.show)
    command(
        group,
        "leave",
        examples=("darkstar car leave 07:00 --target 80", "darkstar car leave 2026-02-01T05:30 --target-kwh 20"),
    )(car.leave)
    command(group, "cancel", examples=("darkstar car cancel",))(car.cancel)
    return group
