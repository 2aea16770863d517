"""Arguments that several commands share: days, policies, an output file."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from darkstar_pipeline.config.calendar_days import EARLIEST, LATEST, is_written_day
from darkstar_pipeline.console.failures import UsageError
from darkstar_pipeline.console.relative_days import NAMED_DAYS, today
from planner.policy_names import LEARNED_POLICIES, POLICIES, is_learned

if TYPE_CHECKING:
    from darkstar_pipeline.context import Context


def parse_day(text: str) -> date:
    """Return the calendar day written as `YYYY-MM-DD`, or as `yesterday`, `today` or `tomorrow`.

    Raises:
        typer.BadParameter: the text is not such a day, or far outside the years that have prices.
    """
    if (offset := NAMED_DAYS.get(text.strip().lower())) is not None:
        return today() + timedelta(days=offset)
    if not is_written_day(text):
        message = f"{text!r} is not a day (expected 2026-01-31, or yesterday)"
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


FirstDay = Annotated[date, typer.Option("--from", parser=parse_day, metavar="DAY", help="First local day (inclusive).")]
LastDay = Annotated[date, typer.Option("--to", parser=parse_day, metavar="DAY", help="Last local day (inclusive).")]
OneDay = Annotated[date, typer.Option("--day", parser=parse_day, metavar="DAY", help="The local day.")]
OutFile = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="Output file; it is replaced whole or not at all.")
]


def check_range(first: date, last: date) -> None:
    """Refuse a range that ends before it starts.

    Raises:
        UsageError: `first` is after `last`.
    """
    if first > last:
        raise UsageError(f"--from {first} is after --to {last}", "swap the two days")


def parse_policies(text: str, available: Sequence[str] = POLICIES) -> tuple[str, ...]:
    """Return the policy names of a comma-separated list, in order, each once.

    Raises:
        UsageError: no policy is named, or one that does not exist.
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise UsageError("no policy is named", f"choose from {', '.join(available)}")
    for name in names:
        check_policy(name, available)
    return names


def check_policy(name: str, available: Sequence[str] = POLICIES) -> None:
    """Refuse a policy that cannot be replayed.

    Raises:
        UsageError: it does not exist.
    """
    if name in available or is_learned(name):
        return
    raise UsageError(
        f"policy {name!r} is unknown", f"available: {', '.join((*available, *LEARNED_POLICIES))}, models:/NAME/VERSION"
    )


def format_days(days: Sequence[date], *, most: int = 8) -> str:
    """Return a few days by name and the count of the rest, for messages."""
    named = ", ".join(str(day) for day in days[:most])
    return named if len(days) <= most else f"{named} and {len(days) - most} more"


def check_out(path: Path) -> Path:
    """Return the absolute path of the file that a person named for output.

    Raises:
        UsageError: it lies in the state folder, where only Darkstar writes (pictures excepted).
    """
    from darkstar_pipeline.config.settings import home_dir
    from darkstar_pipeline.context import PICTURES_FOLDER

    target = path.expanduser().absolute().resolve()
    state = home_dir().resolve()
    if target.is_relative_to(state) and not target.is_relative_to(state / PICTURES_FOLDER):
        raise UsageError(
            f"{path} lies in the state folder {state}, which only Darkstar writes", "name a file elsewhere"
        )
    return path.expanduser().absolute()


def check_picture(path: Path) -> Path:
    """Return the absolute path of the picture that a person named for output.

    Raises:
        UsageError: it is no PNG, or lies in the state folder.
    """
    if path.suffix.lower() != ".png":
        raise UsageError(f"{path} is not the name of a picture", "end it in .png")
    return check_out(path)


def own_picture(context: "Context", name: str) -> Path:
    """Return the path of a picture in the state folder, and make its folder."""
    context.pictures.mkdir(parents=True, exist_ok=True)
    return context.pictures / f"{context.site_name}-{name}.png"
