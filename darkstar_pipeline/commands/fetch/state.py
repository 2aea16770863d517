"""`darkstar fetch`: the state of every source that was asked."""

from typing import TYPE_CHECKING, Any

from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document, draw_table

if TYPE_CHECKING:
    from darkstar_pipeline.fetching.log import SourceState

PURPOSE = "Fetch prices, weather and readings from their sources; show the state of each."
_HEADINGS = {
    "kind": "kind",
    "source": "source",
    "asked_at": "last asked",
    "outcome": "outcome",
    "succeeded_at": "last success",
    "failures": "failures since",
    "reason": "reason",
    "remedy": "what to do",
}


def state(call: Call) -> Document:
    """Show the state of every source, or fetch from them.

    Each source that was asked is listed with its last question, its outcome, its last success and the reason of a
    failure.
    """
    from darkstar_pipeline.fetching.log import FetchLog

    context = call.context()
    rows = [_row(each) for each in FetchLog(context.home).states(context.site_name)]
    document = {"site": context.site_name, "sources": rows}
    if not rows:
        nothing = f"no source was asked for {context.site_name} yet: `darkstar fetch prices` asks for prices"
        return Document(document, lambda out: out.print(nothing, markup=False))
    return Document(document, lambda out: draw_table(out, rows, _HEADINGS, timezone=context.timezone))


def _row(state: "SourceState") -> dict[str, Any]:
    """Return the state of a source as a row."""
    last = state.last
    return {
        "kind": last.kind,
        "source": last.source,
        "asked_at": last.asked_at,
        "outcome": last.outcome,
        "cause": last.cause,
        "succeeded_at": state.succeeded_at,
        "failures": state.failures,
        "reason": last.reason,
        "remedy": last.remedy,
    }
