"""Arguments that several commands share: days, policies, an output file."""

import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from darkstar_pipeline.console.failures import UsageError
from planner.policy_names import LEARNED_POLICIES, POLICIES, is_learned

EARLIEST, LATEST = date(2000, 1, 1), date(2100, 12, 31)
"""Days outside are slips of the keyboard, and would make ranges of a million days."""


def parse_day(text: str) -> date:
    """A calendar day from `YYYY-MM-DD`.

    Raises:
        typer.BadParameter: the text is no such day, or far outside what prices exist for.
    """
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        message = f"{text!r} is not a day; write it as 2026-01-31"
        raise typer.BadParameter(message)
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        message = f"{text!r} is not in the calendar"
        raise typer.BadParameter(message) from error
    if not EARLIEST <= day <= LATEST:
        message = f"{text} is outside {EARLIEST} to {LATEST}"
        raise typer.BadParameter(message)
    return day


FirstDay = Annotated[date, typer.Option("--from", parser=parse_day, metavar="DAY", help="First local day, included.")]
LastDay = Annotated[date, typer.Option("--to", parser=parse_day, metavar="DAY", help="Last local day, included.")]
OneDay = Annotated[date, typer.Option("--day", parser=parse_day, metavar="DAY", help="The local day.")]
OutFile = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="File to write, whole or not at all.")]


def check_range(first: date, last: date) -> None:
    """Refuse a range that ends before it starts.

    Raises:
        UsageError: `first` is after `last`.
    """
    if first > last:
        raise UsageError(f"--from {first} is after --to {last}", "swap the two days")


def parse_policies(text: str, known: Sequence[str] = POLICIES) -> tuple[str, ...]:
    """Policy names from a comma-separated list, in order, each once.

    Raises:
        UsageError: nothing is named, or something that does not exist.
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise UsageError("no policy is named", f"choose from {', '.join(known)}")
    for name in names:
        check_policy(name, known)
    return names


def check_policy(name: str, known: Sequence[str] = POLICIES) -> None:
    """Refuse a policy that cannot be replayed.

    Raises:
        UsageError: it does not exist.
    """
    if name in known or is_learned(name):
        return
    raise UsageError(
        f"policy {name!r} is unknown", f"available: {', '.join((*known, *LEARNED_POLICIES))}, models:/NAME/VERSION"
    )


def days_told(days: Sequence[date], *, most: int = 8) -> str:
    """A few days by name and the count of the rest, for messages."""
    named = ", ".join(str(day) for day in days[:most])
    return named if len(days) <= most else f"{named} and {len(days) - most} more"


def check_out(path: Path) -> Path:
    """The absolute path of a file that a person asked for.

    Raises:
        UsageError: it lies in the state folder, where only Darkstar writes, pictures excepted.
    """
    from darkstar_pipeline.config.settings import home_dir
    from darkstar_pipeline.context import PICTURES_FOLDER

    target = path.expanduser().absolute().resolve()
    state = home_dir().resolve()
    if target.is_relative_to(state) and not target.is_relative_to(state / PICTURES_FOLDER):
        raise UsageError(f"{path} lies in the state folder {state}, which holds the lake", "name a file elsewhere")
    return path.expanduser().absolute()
