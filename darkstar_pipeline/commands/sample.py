"""`darkstar sample`: make a ready site from the embedded sample; with `--run`, backfill, evaluate and draw it."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkstar_pipeline.commands.evaluate import TOTAL_COLUMNS, draw_verdict
from darkstar_pipeline.commands.plot import draw_day
from darkstar_pipeline.console.arguments import own_picture
from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document
from planner.policy_names import POLICIES

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

    from darkstar_pipeline.context import Context
    from darkstar_pipeline.evaluation.range_verdict import RangeVerdict
    from darkstar_pipeline.sample.site import SampleImport


def sample(
    call: Call,
    *,
    run: Annotated[
        bool, typer.Option("--run", help="Also backfill all its days, evaluate, and draw pictures.")
    ] = False,
) -> Document:
    """Make a ready site, called sample, from the embedded home.

    The sample contains a few deliberate faults, for repair and grading to find. Repeating the command changes
    nothing.
    """
    from darkstar_pipeline.sample import FIRST_DAY, LAST_DAY
    from darkstar_pipeline.sample.site import import_sample

    context = _context(call)
    imported = import_sample(context, now=datetime.now(UTC))
    document = {
        "site": context.site_name,
        "first_day": FIRST_DAY,
        "last_day": LAST_DAY,
        "imports": [asdict(report) for report in imported.reports],
    }
    if not run:
        return Document(document, lambda out: _draw_imported(out, context, imported, FIRST_DAY, LAST_DAY))
    return _run(call, context, document)


def _context(call: Call) -> "Context":
    """Return the context of the sample's site, added to the configuration where it is missing.

    Raises:
        ConfigurationError: another site is named, or the configuration cannot be added to.
    """
    from darkstar_pipeline.config.settings import config_path, load_settings
    from darkstar_pipeline.config.writer import SAMPLE_SITE, add_site
    from darkstar_pipeline.console.failures import UsageError
    from darkstar_pipeline.context import open_context
    from darkstar_pipeline.sample.site import sample_settings

    if call.site not in (None, SAMPLE_SITE):
        raise UsageError(f"the sample is the site {SAMPLE_SITE!r}, not {call.site!r}", "leave --site out")
    path = config_path()
    if not path.exists() or SAMPLE_SITE not in load_settings(path).sites:
        add_site(path, SAMPLE_SITE, sample_settings())
    return open_context(SAMPLE_SITE)


def _run(call: Call, context: "Context", document: dict[str, Any]) -> Document:
    """Backfill missing days, evaluate, and draw the pictures."""
    from darkstar_pipeline.commands.backfill import backfill_days
    from darkstar_pipeline.evaluation.range_verdict import evaluate_range
    from darkstar_pipeline.sample import FIRST_DAY, LAST_DAY
    from darkstar_pipeline.sample.site import is_materialised

    if not is_materialised(context, FIRST_DAY, LAST_DAY):
        backfill_days(call, context, FIRST_DAY, LAST_DAY)
    verdict = evaluate_range(context, FIRST_DAY, LAST_DAY, POLICIES)
    pictures = _pictures(context, verdict)
    result = {
        **document,
        "totals": verdict.evaluation.totals.select(TOTAL_COLUMNS).to_dicts(),
        "left_out": verdict.left_out.to_dicts(),
        "pictures": [str(path) for path in pictures],
    }
    return Document(result, lambda out: _draw_verdict(out, context, verdict, pictures))


def notable_days(days: "pl.DataFrame") -> tuple[date, ...]:
    """Return the day on which most could be saved, and the day on which MPC missed most of it.

    Args:
        days: `day, policy, cost` with idle, mpc and oracle among the policies.
    """
    import polars as pl

    costs = days.pivot("policy", index="day", values="cost").sort("day")
    ranked = costs.select("day", saved=pl.col("idle") - pl.col("oracle"), missed=pl.col("mpc") - pl.col("oracle"))
    best = [ranked.sort(name, descending=True)["day"][0] for name in ("saved", "missed")]
    return tuple(dict.fromkeys(best))


def _pictures(context: "Context", verdict: "RangeVerdict") -> list[Path]:
    """Return the pictures of the verdict and of its notable days; a picture is redrawn only where results are newer."""
    from darkstar_pipeline.pictures import save_png, verdict_figure
    from darkstar_pipeline.sample.site import newest_result

    days, totals = verdict.evaluation.days, verdict.evaluation.totals
    chosen = notable_days(days)
    context.pictures.mkdir(parents=True, exist_ok=True)
    whole = context.pictures / f"{context.site_name}-verdict.png"
    newest = max(newest_result(context, day) for day in days["day"].unique())
    if _is_older(whole, newest):
        save_png(verdict_figure(days, totals, currency=context.site_settings.currency), whole)
    for day in chosen:
        if _is_older(own_picture(context, str(day)), newest):
            draw_day(context, day, POLICIES, own_picture(context, str(day)))
    return [whole, *(own_picture(context, str(day)) for day in chosen)]


def _is_older(path: Path, moment: float) -> bool:
    """Return whether a file is missing or older than a moment [seconds since 1970]."""
    return not path.exists() or path.stat().st_mtime < moment


def _draw_imported(out: "Console", context: "Context", imported: "SampleImport", first: date, last: date) -> None:
    """Print the result of the import, and the next command."""
    changed = imported.changed_rows
    change = f"{changed} rows are new or changed" if changed else "nothing has changed"
    out.print(f"site {context.site_name}: {first} to {last}; {change}", markup=False)
    out.print(f"next: darkstar backfill --site {context.site_name} --from {first} --to {last}", markup=False)


def _draw_verdict(out: "Console", context: "Context", verdict: "RangeVerdict", pictures: Sequence[Path]) -> None:
    """Print the verdict, the paths of the pictures, and how to open the pages."""
    draw_verdict(out, verdict.evaluation.totals.to_dicts(), context.site_settings.currency)
    if verdict.left_out.height:
        out.print(f"{verdict.left_out.height} days are left out; `darkstar quality` says why", markup=False)
    out.print("\n".join(f"picture  {path}" for path in pictures), markup=False)
    out.print("pages    make ui, or darkstar ui: Dagster and MLflow", markup=False)
