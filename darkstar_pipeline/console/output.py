"""Output of a command: one JSON document for scripts, tables for people, from the same values."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from darkstar_pipeline.console.json_values import format_instant, write_json
from darkstar_pipeline.errors import ExitCode

if TYPE_CHECKING:
    from rich.console import Console

WIDE = 10_000
"""Width of tables that are not drawn on a terminal [characters]: nothing is cut."""


class Answer(Protocol):
    """An answer that can be written as JSON and as text."""

    @property
    def exit_code(self) -> ExitCode:
        """Exit code of the command."""
        ...

    def write_json(self, out: TextIO) -> None:
        """Write one JSON document."""
        ...

    def write_text(self, out: TextIO) -> None:
        """Write the text for a person."""
        ...


@dataclass(frozen=True)
class Document:
    """An answer whose values are all in memory.

    Attributes:
        document: the values that `--json` prints.
        draw: draws the same values for a person.
        exit_code: exit code of the command.
    """

    document: object
    draw: "Callable[[Console], None]"
    exit_code: ExitCode = ExitCode.DONE

    def write_json(self, out: TextIO) -> None:
        """Write the JSON document."""
        write_json(self.document, out)

    def write_text(self, out: TextIO) -> None:
        """Draw the tables and lines."""
        self.draw(console(out))


def console(out: TextIO) -> "Console":
    """Return a rich console on a stream: as wide as the terminal, or wide enough not to cut."""
    from rich.console import Console

    return Console(file=out, width=None if out.isatty() else WIDE, highlight=False, soft_wrap=not out.isatty())


def draw_table(
    out: "Console", rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], *, digits: int = 2
) -> None:
    """Draw rows as a table.

    Args:
        out: console to draw on.
        rows: values by column name.
        columns: heading of each column to show, by column name.
        digits: decimals of real numbers.
    """
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, show_header=any(columns.values()))
    for name, heading in columns.items():
        numeric = any(isinstance(row.get(name), (int, float)) for row in rows)
        table.add_column(escape(heading), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(cell(row.get(name), digits) for name in columns))
    out.print(table)


def cell(value: object, digits: int = 2) -> str:
    """Return one value as text for a table; a missing one is a dash."""
    from rich.markup import escape

    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.{digits}f}"
    if isinstance(value, datetime):
        return format_instant(value)
    return escape(str(value))
