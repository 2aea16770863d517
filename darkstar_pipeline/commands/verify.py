"""`darkstar verify`: check a schedule from first principles."""

from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkstar_pipeline.console.arguments import check_policy, parse_day
from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.failures import UsageError
from darkstar_pipeline.console.output import Document, draw_table
from darkstar_pipeline.errors import ExitCode

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

    from darkstar_pipeline.context import Context
    from planner.verification.verifier import Verification

COLUMNS = ("slot_start", "slot_index", "rule", "size", "unit", "message")


def verify(
    call: Call,
    *,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="A schedule written by `darkstar schedule --out`.")
    ] = None,
    day: Annotated[date | None, typer.Option("--day", parser=parse_day, metavar="DAY", help="The local day.")] = None,
    policy: Annotated[str | None, typer.Option("--policy", metavar="P", help="The policy.")] = None,
) -> Document:
    """Check a schedule from first principles; list every violation.

    Balance, stored energy, powers, limits, commands and cost are recomputed from prices, load, PV and the site's
    configuration, by code that shares nothing with the planners. `--policy` names the policy of a file. The command
    ends with 4 where there is a violation.
    """
    if policy is not None:
        check_policy(policy)
    if file is not None and day is not None:
        raise UsageError("FILE and --day are both given", "name one schedule")
    context = call.context()
    slots, verification = _of_file(context, file, policy) if file is not None else _of_day(context, day, policy)
    document = _document(verification, slots.height)
    code = ExitCode.DONE if verification.valid else ExitCode.INFEASIBLE
    currency, clock = context.site_settings.currency, context.timezone
    return Document(document, lambda out: draw_verification(out, document, currency, clock), code)


def _of_day(context: "Context", day: date | None, policy: str | None) -> "tuple[pl.DataFrame, Verification]":
    """Return a policy's schedule of a day and its verification under the evaluation protocol."""
    from darkstar_pipeline.datasets.replay_inputs import protocol_of
    from darkstar_pipeline.evaluation.range_verdict import unverified_schedule
    from planner.evaluation.verified_days import verify_episodes

    if day is None or policy is None:
        raise UsageError("no schedule is named", "give FILE, or --day and --policy")
    slots = unverified_schedule(context, day, policy)
    return slots, verify_episodes(policy, slots, context.site, protocol_of(context.site_settings, context.site.battery))


def _of_file(context: "Context", file: Path, policy: str | None) -> "tuple[pl.DataFrame, Verification]":
    """Return the schedule of a file and its verification, from the stored energy it starts with."""
    from darkstar_pipeline.console.schedule_files import read_schedule_file
    from planner.evaluation.verified_days import verification_site
    from planner.verification.verifier import verify_schedule

    slots = read_schedule_file(file, context.timezone)
    site = verification_site(policy, context.site) if policy is not None else context.site
    return slots, verify_schedule(slots, site)


def _document(verification: "Verification", n_slots: int) -> dict[str, Any]:
    """Return the verification by its JSON keys."""
    violations, notices = (
        [{name: asdict(entry)[name] for name in COLUMNS} for entry in entries]
        for entries in (verification.violations, verification.notices)
    )
    return {
        "valid": verification.valid,
        "slots": n_slots,
        "cost": verification.cost,
        "violations": violations,
        "notices": notices,
    }


def draw_verification(out: "Console", document: dict[str, Any], currency: str, timezone: str) -> None:
    """Print the verdict, and a row per violation and notice, by the clock of the home."""
    word = "valid" if document["valid"] else f"not valid: {len(document['violations'])} violations"
    out.print(f"{word}; {document['slots']} slots, cost {document['cost']:.2f} {currency}", markup=False)
    for kind in ("violations", "notices"):
        if document[kind]:
            rows = [{**row, "size": f"{row['size']:.4g} {row['unit']}".strip()} for row in document[kind]]
            out.print(f"\n{kind}", markup=False)
            columns = {name: name.replace("_", " ") for name in COLUMNS if name != "unit"}
            draw_table(out, rows, columns, timezone=timezone)
