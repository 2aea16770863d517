"""The report of a month as a page: HTML that needs no other file, or PDF, with the same sentences and picture."""

# Matplotlib leaves its keyword arguments untyped.
# pyright: reportUnknownMemberType=false

import base64
import textwrap
from collections.abc import Mapping
from datetime import date
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING

from darkstar_pipeline.analyst.month_report import MonthReport
from darkstar_pipeline.analyst.page_style import STYLE
from darkstar_pipeline.analyst.words import WAY_WORDS, cost_rows, headline, notes
from darkstar_pipeline.evaluation.actual_days import ACTUAL
from darkstar_pipeline.pictures.canvas import (
    BLUE,
    GREEN,
    QUIET,
    VERMILION,
    Style,
    add_axes,
    add_text,
    new_figure,
    png_bytes,
)
from planner.wording.languages import localized, spoken
from planner.wording.messages import joined, phrase, translated
from planner.wording.values import month_and_year

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAPER = Style(width=8.27, scale=1.0, font=10.5, line=1.4, detail=True)
A4_HEIGHT = 11.69  # inch
_LEFT, _NAMES, _RIGHT = 0.7, 2.1, 0.6
_MARGIN = 0.35
"""What a phone's picture has beside its panels [inch]."""
_BARS, _DAYS, _SPACE, _AXIS = 1.7, 1.5, 0.75, 0.95
_LINE, _LINE_CHARACTERS = 0.2, 92
PHONE = Style(width=4.3, scale=1.0, font=10.5, line=1.4, detail=False)
_NARROW = "(max-width: 40rem)"


def report_html(report: MonthReport) -> str:
    """Return the report as one HTML document."""
    title = escape(translated(_title(report)))
    alt = phrase("Cost of each way")
    if _savings_by_day(report):
        alt = phrase("Cost of each way, and what each day saved")
    wide, narrow = _picture(report, PAPER), _picture(report, PHONE)
    rows = "".join(
        f"<tr><td>{escape(_way(row))}</td><td class=n>{_money(row['cost'])}</td>"
        f"<td class=n>{_money(row['saved'])}</td></tr>"
        for row in cost_rows(report)
    )
    sentences = "".join(_paragraph(translated(line)) for line in notes(report))
    cost, saved = phrase("cost, {currency}", currency=report.currency), phrase("saved against it")
    headings = f"<th>{escape(translated(phrase('way')))}</th>" + "".join(
        f"<th class=n>{escape(translated(each))}</th>" for each in (cost, saved)
    )
    return (
        f'<!doctype html><html lang="{spoken()}"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head><body>'
        f"<h1>{title}</h1><p><strong>{escape(translated(headline(report)))}</strong></p>"
        f"<table><tr>{headings}</tr>{rows}</table>"
        f'<p><picture><source media="{_NARROW}" srcset="{narrow}">'
        f'<img alt="{escape(translated(alt))}" src="{wide}"></picture></p>'
        f"{sentences}</body></html>\n"
    )


def _paragraph(line: str) -> str:
    """Return a sentence as a paragraph, one that is indented as an item of the one before."""
    return f"<li>{escape(line.strip())}</li>" if line.startswith(" ") else f"<p>{escape(line)}</p>"


def _picture(report: MonthReport, style: Style) -> str:
    """Return the picture of the costs in a width, as an address that holds it."""
    by_day = _DAYS + _AXIS if _savings_by_day(report) else 0.0
    figure = new_figure(style, _BARS + _SPACE + by_day)
    _draw_panels(figure, report, 0.3, style)
    return f"data:image/png;base64,{base64.b64encode(png_bytes(figure)).decode('ascii')}"


def report_pdf(report: MonthReport) -> bytes:
    """Return the report as a PDF of A4 pages; the same report gives the same bytes."""
    from matplotlib.backends.backend_pdf import PdfPages

    texts = [translated(line) for line in notes(report)]
    lines = [part for line in texts for part in textwrap.wrap(line, _LINE_CHARACTERS, subsequent_indent="  ")]
    buffer = BytesIO()
    with PdfPages(buffer, metadata={"CreationDate": None, "Title": translated(_title(report))}) as pages:
        top, figure = _first_page(report)
        while True:
            room = int((A4_HEIGHT - 0.6 - top) / _LINE)
            for number, line in enumerate(lines[:room]):
                add_text(figure, line, left=_LEFT, top=top + number * _LINE, size=9.0)
            pages.savefig(figure)
            lines = lines[room:]
            if not lines:
                break
            top, figure = 0.8, new_figure(PAPER, A4_HEIGHT)
    return buffer.getvalue()


def _first_page(report: MonthReport) -> "tuple[float, Figure]":
    """Return where the sentences begin [inch], and the page with heading and picture."""
    figure = new_figure(PAPER, A4_HEIGHT)
    add_text(figure, translated(_title(report)), left=_LEFT, top=0.9, size=17)
    top = 1.25
    for line in textwrap.wrap(translated(headline(report)), _LINE_CHARACTERS - 8):
        add_text(figure, line, left=_LEFT, top=top, size=10.5)
        top += _LINE
    return top + _draw_panels(figure, report, top + 0.35) + 0.9, figure


def _draw_panels(figure: "Figure", report: MonthReport, top: float, style: Style = PAPER) -> float:
    """Draw cost by way and saving by day; return the height that they took [inch]."""
    begin, title = (_LEFT, _LEFT) if style.detail else (_MARGIN, _MARGIN / 4)
    names, width = begin + _NAMES - _LEFT, style.width - begin - (_RIGHT if style.detail else _MARGIN)
    rows = [(_way(row), cost) for row in cost_rows(report) if isinstance(cost := row["cost"], float)]
    heading = phrase("Cost of the compared days [{currency}]", currency=report.currency)
    add_text(figure, translated(heading), left=title, top=top, size=style.font)
    bars = add_axes(figure, style, left=names, top=top + 0.12, width=width + begin - names, height=_BARS)
    colours = [BLUE if way == translated(WAY_WORDS[ACTUAL]) else QUIET for way, _ in rows]
    drawn = bars.barh([way for way, _ in rows], [cost for _, cost in rows], color=colours, height=0.62)
    bars.bar_label(drawn, fmt="%.0f", padding=4, fontsize=style.font - 1)
    bars.invert_yaxis()
    bars.margins(x=0.12 if style.detail else 0.22)
    below = top + 0.12 + _BARS + _SPACE
    savings = _savings_by_day(report)
    if not savings:
        return below - top
    name = phrase("Saved against a battery that is not used, by day [{currency}]", currency=report.currency)
    add_text(figure, translated(name), left=title, top=below, size=style.font)
    days = add_axes(figure, style, left=begin, top=below + 0.12, width=width, height=_DAYS)
    days.bar(
        [day.day for day, _ in savings],
        [saved for _, saved in savings],
        color=[GREEN if saved >= 0 else VERMILION for _, saved in savings],
    )
    days.set_xlim(0.4, report.last_day.day + 0.6)
    days.set_xlabel(translated(phrase("day of the month")), fontsize=style.font - 1, color=QUIET)
    return below + 0.12 + _DAYS + 0.35 - top


def _savings_by_day(report: MonthReport) -> list[tuple[date, float]]:
    """Return what each day saved against idle, where both costs are known [money]."""
    return [
        (each.day, idle - actual)
        for each in report.days
        if (idle := each.costs["idle"]) is not None and (actual := each.costs[ACTUAL]) is not None
    ]


def _way(row: Mapping[str, object]) -> str:
    """Return the words for a way of running the home, in the language that is spoken."""
    words = row["way"]
    return translated(words) if isinstance(words, str) else ""


def _title(report: MonthReport) -> str:
    return joined("", [report.site, ": ", month_and_year(report.first_day)])


def _money(value: object) -> str:
    return localized(f"{value:.2f}", spoken()) if isinstance(value, float) else "–"
