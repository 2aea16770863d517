"""`darkstar caches`: what is kept only to save time, with its size, and how to empty it."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document, draw_table
from darkstar_pipeline.errors import ExitCode
from planner.wording.messages import figures, phrase

if TYPE_CHECKING:
    from rich.console import Console

    from darkstar_pipeline.retention.caches import Cache

PURPOSE = "List caches with their sizes, and empty them."
KIB = 2**10


def listing(call: Call) -> Document:
    """List what is kept only to save time, and can be built again.

    Readings, prices, plans, models and results are no caches. What plans keep in memory ends with their process.
    """
    from darkstar_pipeline.config.settings import home_dir
    from darkstar_pipeline.retention.caches import caches, caches_document

    del call
    found = caches(home_dir())
    return Document(caches_document(found), lambda out: _draw(out, found, phrase("size")))


def clear(call: Call) -> Document:
    """Empty all caches; services may keep running."""
    from darkstar_pipeline.config.settings import home_dir
    from darkstar_pipeline.retention.caches import caches_document, clear_caches

    del call
    found = clear_caches(home_dir())
    failed = any(each.problem for each in found)
    document = {**caches_document(found), "complete": not failed}
    return Document(
        document, lambda out: _draw(out, found, phrase("freed")), ExitCode.OUTSIDE if failed else ExitCode.DONE
    )


def _draw(out: "Console", found: "list[Cache]", size: str) -> None:
    rows = [{**asdict(each), "size": figures(f"{each.size / KIB:.1f} KiB")} for each in found]
    headings = {"name": phrase("cache"), "size": size, "rebuilt": phrase("built again")}
    draw_table(out, rows, headings)
    for each in found:
        if each.problem:
            out.print(phrase("{name}: {problem}", name=each.name, problem=each.problem), markup=False)
