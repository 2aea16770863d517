"""`darkstar fleet promote`, `rollback`, `canaries`: a class's version comes into use, first in some homes, or goes."""

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkstar_pipeline.commands.fleet.models import NeededClass, checked_class, in_use
from darkstar_pipeline.console.arguments import parse_day
from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.failures import UsageError
from darkstar_pipeline.console.output import Document, draw_table
from darkstar_pipeline.console.progress import progress_bar
from darkstar_pipeline.console.user import user_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from darkstar_pipeline.models.fleet.moves import ClassMove

WhyOption = Annotated[str | None, typer.Option("--why", metavar="TEXT", help="The reason; the journal keeps it.")]


_COLUMNS = {"class": "class", "version": "version", "step": "step", "difference": "a home-day", "days": "days"}


def promote(
    call: Call,
    *,
    class_name: NeededClass,
    version: Annotated[
        int | None, typer.Option("--version", min=1, metavar="N", help="The version; default: the newest.")
    ] = None,
    share: Annotated[
        float | None,
        typer.Option("--share", min=0.001, max=1.0, help="Share of the homes; 1: all; default: fleet.canary_share."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Promote in spite of its evidence; needs --why.")] = False,
    why: WhyOption = None,
) -> Document:
    """Put a class's version into use, first in a share of its homes.

    `darkstar fleet canaries` judges it: it takes a worse one back, and gives one that is not to all homes. The share
    is never so small that fewer than five homes run it, on which no canary could be judged.
    """
    from darkstar_pipeline.config.settings import home_dir, load_settings
    from darkstar_pipeline.fleet.homes_file import fleet_of
    from darkstar_pipeline.learning.fleet.class_homes import Fleet
    from darkstar_pipeline.learning.fleet.promotion import promote_version
    from darkstar_pipeline.models.fleet.classes import homes_by_class

    if force and not (why and why.strip()):
        raise UsageError("--force needs a reason", "give it with --why TEXT; the journal keeps it")
    fleet = Fleet(load_settings(), home_dir())
    homes = fleet.homes()
    by_class = homes_by_class(homes)
    sites = by_class[checked_class(class_name, list(by_class))]
    own = homes[sites[0]]
    chosen = fleet_of(fleet.settings).canary_share if share is None else share
    context = fleet.class_context(class_name, own)
    move = promote_version(context, version, share=chosen, sites=sites, actor=user_name(), reason=why, force=force)
    return _result(call, move)


def rollback(call: Call, *, class_name: NeededClass, why: WhyOption = None) -> Document:
    """Take a class's canary back; without one, put the version before back into use, byte for byte.

    Where there is no version before, `value` decides for the class's homes again.
    """
    from darkstar_pipeline.config.settings import home_dir, load_settings
    from darkstar_pipeline.fleet.homes_file import open_homes
    from darkstar_pipeline.models.fleet.classes import homes_by_class
    from darkstar_pipeline.models.fleet.moves import MoveRequest, rollback_class
    from darkstar_pipeline.models.fleet.store import fleet_models

    settings, home = load_settings(), home_dir()
    found = fleet_models(settings, home)
    known = {*homes_by_class(open_homes(settings, home)), *found.pointer().classes}
    checked_class(class_name, sorted(known))
    reason = why if why is not None else "no reason was given"
    return _result(call, rollback_class(found, class_name, MoveRequest(actor=user_name(), reason=reason)))


def _result(_call: Call, move: "ClassMove") -> Document:
    """Return what a move changed."""
    after, before = move.after, move.before
    document = {
        "class": move.class_name,
        "changed": move.changed,
        "champion": None if after.champion is None else after.champion.version,
        "previous": None if before.champion is None else before.champion.version,
        "canary": None if after.canary is None else after.canary.model_dump(mode="json"),
    }
    line = f"{move.class_name}: {in_use(after)} is in use"
    if after.canary is not None:
        line = f"{line}, version {after.canary.ref.version} in {after.canary.share:.1%} of the homes"
    if not move.changed:
        line = f"{line} already"
    return Document(document, lambda out: out.print(line, markup=False))


def canaries(
    call: Call,
    *,
    last: Annotated[
        date | None,
        typer.Option("--to", parser=parse_day, metavar="DAY", help="Last local day; default: the last there is."),
    ] = None,
) -> Document:
    """Judge every canary: one that is worse is taken back, one that is not goes to all homes after 14 days.

    Its homes are replayed by both versions on the days since it began. Run it once a day, after the backfill.
    """
    from darkstar_pipeline.config.settings import home_dir, load_settings
    from darkstar_pipeline.learning.fleet.canaries import judge_canaries
    from darkstar_pipeline.learning.fleet.class_homes import Fleet
    from darkstar_pipeline.learning.fleet.left_out import left_out_rows

    with progress_bar(call, "homes") as progress:
        judged = judge_canaries(Fleet(load_settings(), home_dir()), last, progress=progress)
    rows = [
        {
            "class": each.class_name,
            "version": each.canary.ref.version,
            **each.verdict.document(),
            "left_out": left_out_rows(each.left_out),
        }
        for each in judged
    ]
    return Document({"canaries": rows}, lambda out: _draw_canaries(out, rows))


def _draw_canaries(out: "Console", rows: "Sequence[Mapping[str, Any]]") -> None:
    """Print a row a canary with its reasons."""
    from darkstar_pipeline.learning.fleet.left_out import in_words

    if not rows:
        out.print("no class has a canary: `darkstar fleet promote --class CLASS` begins one", markup=False)
        return
    draw_table(out, [{**row, "difference": row["difference_per_home_day"]} for row in rows], _COLUMNS)
    for row in rows:
        out.print(f"{row['class']}: {'; '.join(row['reasons'])}", markup=False)
        for line in in_words({each["home"]: each["reason"] for each in row["left_out"]}):
            out.print(f"{row['class']}: {line}", markup=False)
