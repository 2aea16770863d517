"""`darkstar fleet capacity`: what a fleet of a size needs."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document, draw_table

if TYPE_CHECKING:
    from rich.console import Console

_COLUMNS = {"what": "what", "value": "value"}


def capacity(
    _call: Call,
    *,
    homes: Annotated[int, typer.Option("--homes", min=1, max=100_000_000, help="Homes of the fleet.")],
    plans_a_day: Annotated[
        int, typer.Option("--plans-a-day", min=0, max=96, help="Rounds of planning a day; the service makes 96.")
    ] = 96,
    hours: Annotated[
        float, typer.Option("--hours", min=0.1, max=24, help="Hours that a day's backfill may take.")
    ] = 4.0,
) -> Document:
    """Compute what a fleet needs: cores, memory, storage and requests, from measured costs of a home.

    The costs were measured on two cores (benchmarks/RESULTS.md); every assumption is listed with the result.
    """
    from darkstar_pipeline.fleet.capacity import Assumptions, Measured, needs

    measured, assumptions = Measured(), Assumptions(plans_a_day=plans_a_day, hours_of_backfill=hours)
    needed = asdict(needs(homes, measured, assumptions))
    document = {"needs": needed, "measured": asdict(measured), "assumptions": asdict(assumptions)}

    def draw(out: "Console") -> None:
        for part in ("needs", "measured", "assumptions"):
            out.print(f"{part}:", markup=False)
            rows = [{"what": name.replace("_", " "), "value": _short(value)} for name, value in document[part].items()]
            draw_table(out, rows, _COLUMNS)

    return Document(document, draw)


def _short(value: Any) -> str:  # noqa: ANN401 - a number
    """Return a number with three digits that count, or a whole one in groups."""
    return f"{value:,}".replace(",", " ") if isinstance(value, int) else f"{value:.3g}"
