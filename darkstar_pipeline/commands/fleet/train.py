"""`darkstar fleet train`: pooled models of classes of homes, judged together."""

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkstar_pipeline.commands.fleet.models import ClassOption, checked_class
from darkstar_pipeline.console.arguments import parse_day
from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document, draw_table
from darkstar_pipeline.console.progress import progress_bars

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

LastTrained = Annotated[
    date | None,
    typer.Option(
        "--to", parser=parse_day, metavar="DAY", help="Last local day (inclusive); default: the last there is."
    ),
]
_COLUMNS = {
    "class": "class",
    "homes": "homes",
    "version": "version",
    "difference": "a home-day",
    "p": "adjusted p",
    "verdict": "verdict",
}


def train(
    call: Call,
    *,
    class_name: ClassOption = None,
    homes: Annotated[int, typer.Option("--homes", min=5, max=10_000, help="Homes of a class to learn from.")] = 40,
    last: LastTrained = None,
) -> Document:
    """Train one model for each class of homes, adapt it to each home, and judge all of them on days never seen.

    Each becomes a version of `antares-class-CLASS` in MLflow with its evidence. Nothing comes into use by it.
    Classes with a demand charge are left out, and keep `value`: no learned policy sees the charge.
    """
    from darkstar_pipeline.config.settings import home_dir, load_settings
    from darkstar_pipeline.learning.fleet.class_homes import Fleet
    from darkstar_pipeline.learning.fleet.left_out import left_out_rows
    from darkstar_pipeline.learning.fleet.retraining import retrain_classes
    from darkstar_pipeline.models.fleet.classes import homes_by_class

    fleet = Fleet(load_settings(), home_dir())
    every = fleet.homes()
    by_class = homes_by_class(every)
    placed = {site for sites in by_class.values() for site in sites}
    _, wrong = every.zones(site for site in every if site not in placed)
    if class_name is not None:
        by_class = {class_name: by_class[checked_class(class_name, list(by_class))]}
    with progress_bars(call) as progress:
        report = retrain_classes(fleet, by_class, homes, last=last, note=call.note, progress=progress)
    rows = [
        {
            "class": each.trained.class_name,
            "homes": len(each.trained.homes),
            "learned_from": each.trained.learned_from,
            "model": each.model,
            "version": each.trained.ref.version,
            "identity": each.trained.ref.identity,
            "beliefs": each.trained.beliefs,
            "metrics": dict(each.trained.metrics),
            "evidence": each.verdict.document(),
            "left_out": left_out_rows(each.left_out),
        }
        for each in report.judged
    ]
    document = {
        "classes": rows,
        "left_out": [{"class": name, "reason": why} for name, why in report.left_out.items()],
        "in_no_class": left_out_rows(wrong),
    }
    return Document(document, lambda out: _draw(out, document))


def _draw(out: "Console", document: "Mapping[str, Any]") -> None:
    """Print a row a class, and why others were left out."""
    from darkstar_pipeline.learning.fleet.left_out import in_words

    rows: list[dict[str, Any]] = [
        {
            **row,
            "difference": row["evidence"]["difference_per_home_day"],
            "p": row["evidence"]["adjusted_p_value"],
            "verdict": "passed" if row["evidence"]["promote"] else "did not pass",
        }
        for row in document["classes"]
    ]
    if rows:
        draw_table(out, rows, _COLUMNS)
    for row in rows:
        out.print(f"{row['class']}: {'; '.join(row['evidence']['reasons'])}", markup=False)
        for line in in_words({each["home"]: each["reason"] for each in row["left_out"]}):
            out.print(f"{row['class']}: {line}", markup=False)
    for each in document["in_no_class"]:
        out.print(f"{each['home']}: in no class, {each['reason']}", markup=False)
    for each in document["left_out"]:
        out.print(f"{each['class']}: left out, {each['reason']}", markup=False)
