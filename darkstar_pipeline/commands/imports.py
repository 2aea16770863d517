"""`darkstar import …`: import files into the lake; refused rows are counted and kept in a quarantine file."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.failures import UsageError
from darkstar_pipeline.console.output import Document
from darkstar_pipeline.console.progress import progress_bar
from darkstar_pipeline.console.prompts import prompt

if TYPE_CHECKING:
    from rich.console import Console

    from darkstar_pipeline.ingest.imports import TidyKind
    from darkstar_pipeline.ingest.report import ImportReport
    from darkstar_pipeline.sources.home_assistant.naming.questions import Answer, ChoiceNeededError

_UNDERSTOOD = {
    "sensor": "sensor",
    "quantity": "taken as",
    "energy": "kWh",
    "unit": "unit",
    "positive": "positive is",
    "every": "every",
    "samples": "first, middle, last",
}


class Clock(StrEnum):
    """Clock of stamps without offset."""

    none = "none"
    local = "local"
    utc = "utc"


OneFile = Annotated[Path, typer.Argument(metavar="FILE", help="The file.")]


ClockOption = Annotated[
    Clock, typer.Option("--clock", help="Whose clock stamps without offset show: none refuses them, local, or utc.")
]


def observations(call: Call, file: OneFile, *, clock: ClockOption = Clock.none) -> Document:
    """Import meter readings from a tidy Parquet or CSV file, or a maker's export.

    Columns: slot_start (UTC or with offset), load_kwh, pv_kwh, and optionally import_kwh, export_kwh, batt_charge_kwh,
    batt_discharge_kwh, soc_start_percent, soc_end_percent, water_kwh; 5, 10, 15, 30 or 60 minutes.
    """
    from darkstar_pipeline.ingest.imports import OBSERVATIONS

    return _import_tidy(call, OBSERVATIONS, file, clock=clock)


def prices(
    call: Call,
    file: OneFile,
    *,
    area: Annotated[str | None, typer.Option("--area", metavar="A", help="Price area; by default the site's.")] = None,
    clock: ClockOption = Clock.none,
) -> Document:
    """Import spot prices from a tidy Parquet or CSV file, or a list of a service.

    Columns: slot_start, and price per kWh in the site's currency (or sek_per_kwh); 15, 30 or 60 minutes. Lists: Nord
    Pool, ENTSO-E, elprisetjustnu, Energi Data Service, Octopus, Tibber and others, all of them
    named in docs/importing.md.
    """
    from darkstar_pipeline.ingest.imports import PRICES

    return _import_tidy(call, PRICES, file, area=area, clock=clock)


def weather(call: Call, file: OneFile) -> Document:
    """Import weather for Aurora from a tidy Parquet or CSV file.

    Columns: slot_start, known_at, and any of temp_c, cloud_percent, irradiance_w_m2, pv_expected_kwh (another PV
    forecast), vacation and alarm (0 or 1); 15, 30 or 60 minutes. A slot may occur more than once, with a later
    known_at each time.
    """
    from darkstar_pipeline.ingest.imports import WEATHER

    return _import_tidy(call, WEATHER, file)


def _import_tidy(
    call: Call, kind: "TidyKind", file: Path, *, area: str | None = None, clock: Clock = Clock.none
) -> Document:
    """Import a tidy file into the site of a call."""
    from darkstar_pipeline.ingest.imports import import_tidy_file
    from darkstar_pipeline.ingest.target import ImportTarget

    target = ImportTarget.of(call.context())
    zones = {Clock.none: None, Clock.local: target.site.timezone, Clock.utc: "UTC"}
    with progress_bar(call, "days") as progress:
        report = import_tidy_file(
            kind, target, file, now=datetime.now(UTC), area=area, clock=zones[clock], progress=progress
        )
    return import_answer(report)


def home_assistant(
    call: Call,
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="All exports of a home, in one call.")],
    *,
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="ENTITY=COLUMN",
            help="What sensors measure: a column, a sum (a+b=load_kwh), a unit (a=load_kwh:Wh).",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Take the likeliest reading without prompting.")] = False,
) -> Document:
    """Import Home Assistant exports of history and statistics.

    Reads history as CSV or as the JSON of /api/history/period, and long-term statistics as CSV or JSON.
    """
    from darkstar_pipeline.ingest.home_assistant import import_home_assistant
    from darkstar_pipeline.ingest.target import ImportTarget
    from darkstar_pipeline.sources.home_assistant.naming.questions import ChoiceNeededError

    target = ImportTarget.of(call.context())
    columns = parse_mapping([] if mapping is None else mapping)
    answers: list[str] = []
    while True:
        try:
            report = import_home_assistant(target, files, mapping=columns, now=datetime.now(UTC))
        except ChoiceNeededError as question:
            answer = _answer_to(call, question, yes=yes)
            if answer is None:
                raise
            columns |= answer.mapping
            answers.append(f"{question.message}: {answer.label} is taken; say so next time: {answer.as_options}")
        else:
            return import_answer(replace(report, notes=(*answers, *report.notes)))


def _answer_to(call: Call, question: "ChoiceNeededError", *, yes: bool) -> "Answer | None":
    """Return the answer of the person, or the likeliest where that is wished; None where there is neither."""
    if yes:
        return None if question.best is None else question.answers[question.best]
    if not call.can_prompt:
        return None
    call.note(f"{question.message}. Which is right?")
    for number, answer in enumerate(question.answers, start=1):
        call.note(f"  {number}  {answer.label}")
    default = None if question.best is None else question.best + 1
    number = 0
    while not 1 <= number <= len(question.answers):
        number = int(prompt(f"1 to {len(question.answers)}", type=int, default=default))
    return question.answers[number - 1]


def parse_mapping(pairs: Sequence[str]) -> dict[str, str]:
    """Return the column of each sensor, from `sensor.x=load_kwh`.

    Raises:
        UsageError: a pair is not one, or a sensor is mapped twice.
    """
    mapping: dict[str, str] = {}
    for pair in pairs:
        entity, separator, column = (part.strip() for part in pair.partition("="))
        if not (entity and separator and column):
            raise UsageError(f"--map {pair!r} is not ENTITY=COLUMN", "for example --map sensor.house_energy=load_kwh")
        if mapping.get(entity, column) != column:
            raise UsageError(f"--map gives {entity} two columns: {mapping[entity]} and {column}", "give it one")
        mapping[entity] = column
    return mapping


def import_answer(report: "ImportReport") -> Document:
    """Return the report as the answer."""
    return Document(asdict(report), lambda out: _draw(out, report))


def _draw(out: "Console", report: "ImportReport") -> None:
    """Print the report, a line per fact."""
    from darkstar_pipeline.console.output import cell, draw_table
    from darkstar_pipeline.quality.energy_balance import in_words
    from darkstar_pipeline.sources.home_assistant.choosing.understood import rows

    if report.understood:
        seen = rows(report.understood)
        told = [name for name in _UNDERSTOOD if any(row[name] not in ("", None) for row in seen)]
        draw_table(out, seen, {name: _UNDERSTOOD[name] for name in told})
    slots = f"{report.slots_new} new, {report.slots_changed} changed, {report.slots_unchanged} unchanged"
    span = "–" if report.first_slot is None else f"{cell(report.first_slot)} to {cell(report.last_slot)}"
    facts = {
        "imported": f"{report.kind} from {', '.join(str(file) for file in report.files)}",
        "rows": f"{report.rows_read} read, {report.rows_accepted} accepted, {report.rows_rejected} refused",
        "slots": f"{slots} on {report.days} days",
        "span": span,
    }
    if report.quarantine_file is not None:
        facts["refused rows"] = f"kept with their reasons in {report.quarantine_file}"
    if report.balance is not None:
        facts["balance"] = in_words(report.balance)
    facts |= {f"note {number}": note for number, note in enumerate(report.notes, start=1)}
    draw_table(out, [{"fact": fact, "value": value} for fact, value in facts.items()], {"fact": "", "value": ""})
