"""Lists the commands on what a household asks of its devices, and on what is learned of it."""

import typer

from darkstar_pipeline.commands.household import by_hand, caches, car, care, learning
from darkstar_pipeline.console.call import command, default_command, group_of, shared_options

CAR_PURPOSE, LEARNING_PURPOSE, CACHES_PURPOSE = car.PURPOSE, learning.PURPOSE, caches.PURPOSE
RESET_PURPOSE, CARE_PURPOSE, BY_HAND_PURPOSE = learning.RESET_PURPOSE, care.PURPOSE, by_hand.PURPOSE


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


def care_commands() -> typer.Typer:
    """Return the group of commands on what readings show of the battery."""
    group = _group_with_default()
    default_command(group, examples=("darkstar care", "darkstar care --json"))(care.show)
    command(group, "accept", examples=("darkstar care accept capacity", "darkstar care accept taper"))(care.accept)
    command(group, "revert", examples=("darkstar care revert capacity",))(care.revert)
    return group


def learning_commands() -> typer.Typer:
    """Return the group of commands on what is learned of the home."""
    group = _group_with_default()
    default_command(group, examples=("darkstar learning", "darkstar learning --json"))(learning.show)
    command(
        group,
        "history",
        examples=("darkstar learning history", "darkstar learning history --days 90 --out learned.png"),
    )(learning.history)
    command(group, "run", examples=("darkstar learning run",))(learning.run)
    return group


def reset_commands() -> typer.Typer:
    """Return the group of commands that take back what was learned."""
    group = group_of(RESET_PURPOSE)
    group.callback()(shared_options)
    command(
        group,
        "learning",
        examples=("darkstar reset learning", "darkstar reset learning --today", "darkstar reset learning --yes --json"),
    )(learning.reset)
    return group


def caches_commands() -> typer.Typer:
    """Return the group of commands on caches."""
    group = _group_with_default()
    default_command(group, examples=("darkstar caches", "darkstar caches --json"))(caches.listing)
    command(group, "clear", examples=("darkstar caches clear",))(caches.clear)
    return group


def _group_with_default() -> typer.Typer:
    return typer.Typer(rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]})


def by_hand_commands() -> typer.Typer:
    """Return the group of commands on blocks by hand."""
    group = group_of(BY_HAND_PURPOSE)
    group.callback()(shared_options)
    command(group, "show", examples=("darkstar byhand show", "darkstar byhand show --json"))(by_hand.show)
    command(
        group,
        "add",
        examples=(
            "darkstar byhand add charge --from 02:00 --to 04:00 --power 3",
            "darkstar byhand add export --from 2026-02-01T17:00 --to 19:00 --yes",
        ),
    )(by_hand.add)
    command(group, "accept", examples=("darkstar byhand accept 1a2b3c4d",))(by_hand.accept)
    command(group, "remove", examples=("darkstar byhand remove 1a2b3c4d",))(by_hand.remove)
    return group
