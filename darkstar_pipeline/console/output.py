"""Output of a command: one JSON document for scripts, tables for people, from the same values."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TextIO
from zoneinfo import ZoneInfo

from darkstar_pipeline.console.json_values import format_instant, write_json
from darkstar_pipeline.errors import ExitCode
from planner.wording.languages import localized, spoken
from planner.wording.messages import phrase, translated

if TYPE_CHECKING:
    from rich.console import Console

WIDE = 10_000
"""Width of tables that are not drawn on a terminal [characters]: nothing is cut."""
LONGEST_WORD = 28
"""A longer word of a table's first column, such as the name of an entity, may be broken [characters]."""
GAP = 3
"""Between two columns of a table [characters]."""


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
    from darkstar_pipeline.console.translating_console import TranslatingConsole

    return TranslatingConsole(
        file=out, width=None if out.isatty() else WIDE, highlight=False, soft_wrap=not out.isatty()
    )


def draw_table(
    out: "Console",
    rows: Sequence[Mapping[str, Any]],
    columns: Mapping[str, str],
    *,
    digits: int = 2,
    timezone: str | None = None,
) -> None:
    """Draw rows as a table; where it is too wide for the terminal, as several with the first column in each.

    Args:
        out: console to draw on.
        rows: values by column name.
        columns: heading of each column to show, by column name.
        digits: decimals of real numbers.
        timezone: zone of the home, whose clock instants are shown by; None shows them in UTC.
    """
    cells = {name: [cell(row.get(name), digits, timezone) for row in rows] for name in columns}
    columns = {name: translated(heading) for name, heading in columns.items()}
    texts = {name: [heading, *cells[name]] for name, heading in columns.items()}
    least = _least_widths(texts, out.width)
    numeric = {name for name in columns if any(isinstance(row.get(name), (int, float)) for row in rows)}
    for number, part in enumerate(_parts(least, out.width)):
        if number:
            out.print()
        widths = _widths({name: least[name] for name in part}, texts, out.width)
        _draw_part(out, {name: columns[name] for name in part}, cells, widths, numeric)


def _draw_part(
    out: "Console",
    columns: Mapping[str, str],
    cells: Mapping[str, list[str]],
    widths: Mapping[str, int],
    numeric: set[str],
) -> None:
    """Draw some columns of a table."""
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, show_header=any(columns.values()))
    for name, heading in columns.items():
        justify = "right" if name in numeric else "left"
        table.add_column(escape(heading), justify=justify, overflow="fold", width=widths[name])
    for row in zip(*(cells[name] for name in columns), strict=True):
        table.add_row(*row)
    out.print(table)


def _least_widths(texts: Mapping[str, list[str]], width: int) -> dict[str, int]:
    """Return the width of each column below which a word would be broken.

    Only words longer than what a terminal has beside the first column are broken, such as a path; those of the first
    column, which stands in each part of a table, where they are longer than `LONGEST_WORD`.
    """
    longest = {
        name: max((len(word) for text in cells for word in text.split()), default=1) for name, cells in texts.items()
    }
    first, *others = longest
    least = {first: min(longest[first], LONGEST_WORD)}
    most = max(width - least[first] - GAP, LONGEST_WORD)
    return least | {name: min(longest[name], most) for name in others}


def _parts(least: Mapping[str, int], width: int) -> list[list[str]]:
    """Return the columns in parts that fit a width, the first column in each."""
    first, *others = least
    parts, used = [[first]], least[first]
    for name in others:
        needed = GAP + least[name]
        if used + needed > width and len(parts[-1]) > 1:
            parts.append([first])
            used = least[first]
        parts[-1].append(name)
        used += needed
    return parts


def _widths(least: Mapping[str, int], texts: Mapping[str, list[str]], width: int) -> dict[str, int]:
    """Return the width of each column: room for its cells, then for its heading; those first that lack least."""
    room, widths = width - sum(least.values()) - GAP * (len(least) - 1), dict(least)
    for wanted in (slice(1, None), slice(0, 1)):
        lacking = {name: max((len(text) for text in texts[name][wanted]), default=0) - widths[name] for name in least}
        for name in sorted(lacking, key=lambda name: lacking[name]):
            given = max(min(lacking[name], room), 0)
            widths[name] += given
            room -= given
    return widths


def cell(value: object, digits: int = 2, timezone: str | None = None) -> str:
    """Return one value as text for a table; a missing one is a dash, an instant by the clock of the home."""
    from rich.markup import escape

    if value is None:
        return "–"
    if isinstance(value, bool):
        return translated(phrase("yes") if value else phrase("no"))
    if isinstance(value, float):
        return localized(f"{value:.{digits}f}", spoken())
    if isinstance(value, datetime):
        if timezone is None or value.tzinfo is None:
            return format_instant(value)
        return value.astimezone(ZoneInfo(timezone)).isoformat(sep=" ", timespec="minutes")
    return escape(translated(value) if isinstance(value, str) else str(value))
