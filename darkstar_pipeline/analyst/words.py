"""The report of a month in sentences and rows, for the terminal, the page and the PDF alike."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from darkstar_pipeline.analyst.month_report import MonthReport
from darkstar_pipeline.analyst.peaks import ChargeSoFar
from darkstar_pipeline.evaluation.actual_costs import NO_SUN
from darkstar_pipeline.evaluation.actual_days import ACTUAL

WAY_WORDS = {
    ACTUAL: "as it was",
    NO_SUN: "no panels, no battery",
    "idle": "battery not used",
    "self_consumption": "battery for own use only",
    "oracle": "perfect hindsight",
}
_ENERGY_WORDS = {
    "load_kwh": "used",
    "pv_kwh": "from the panels",
    "import_kwh": "bought",
    "export_kwh": "sold",
    "batt_charge_kwh": "into the battery",
    "batt_discharge_kwh": "out of the battery",
}
_FORECAST_WORDS = {"load_kwh": "load", "pv_kwh": "sun"}


def headline(report: MonthReport) -> str:
    """Return the month's result in a sentence."""
    first, last = report.days[0].day, report.days[-1].day
    of = f"on {first}" if first == last else f"on {len(report.days)} days from {first} to {last}"
    saved = report.saved("idle")
    if saved is None:
        return f"The cost {of} is not known: grid meters and state of charge were not read."
    word = "saved" if saved >= 0 else "cost"
    captured = "" if report.captured_share is None else f", {report.captured_share:.0%} of what was possible"
    return f"The battery {word} {abs(saved):.2f} {report.currency} {of}{captured}."


def cost_rows(report: MonthReport) -> list[dict[str, object]]:
    """Return a row for each way of running the home: `way, cost, saved` [money]."""
    return [
        {"way": words, "cost": report.costs[way], "saved": None if way == ACTUAL else report.saved(way)}
        for way, words in WAY_WORDS.items()
    ]


def notes(report: MonthReport) -> Iterator[str]:
    """Return what else is to be said of the month: energy, peaks, forecasts and data, a sentence each."""
    yield from _energy(report)
    for charge in report.peaks.charges:
        yield charge_words(charge, report.currency, report.timezone)
    if report.peaks.note:
        yield f"Assumed: {report.peaks.note}."
    if report.peaks.charges and report.peaks.unread_slots:
        yield f"Import is not known in {report.peaks.unread_slots} slots; they count as none in the peaks."
    for name, error in report.forecasts.items():
        lean = "too high" if error.bias_kwh > 0 else "too low"
        yield (
            f"Forecasts of {_FORECAST_WORDS[name]} were off by {error.of_day_kwh:.1f} kWh a day of "
            f"{error.mean_kwh:.1f} ({abs(error.bias_kwh):.1f} {lean} on average, {error.days} days)."
        )
    grades = ", ".join(f"{count} {status}" for status, count in report.grades.items())
    repaired = f"; {report.repaired_prices} prices were repaired" if report.repaired_prices else ""
    yield f"Days by grade: {grades}{repaired}."
    if report.left_out:
        n_days = len(report.left_out)
        of = "1 day is" if n_days == 1 else f"{n_days} days are"
        yield f"{of} not in the costs, which are not scaled up:"
        yield from (f"  {each.day}: {each.reason}" for each in report.left_out)


def _energy(report: MonthReport) -> Iterator[str]:
    """Return sentences on the metered energy."""
    energy = report.energy
    known = [(words, name) for name, words in _ENERGY_WORDS.items() if energy.energy_kwh[name] is not None]
    if known:
        sums = ", ".join(f"{energy.energy_kwh[name]:.0f} kWh {words}" for words, name in known)
        yield f"Metered: {sums}."
    for words, name in known:
        if energy.read_slots[name] < energy.slots:
            yield f"  {words}: read in {energy.read_slots[name]} of {energy.slots} slots"
    if energy.self_consumption is not None:
        yield f"{energy.self_consumption:.0%} of the panels' energy was used at home."
    if energy.self_sufficiency is not None:
        yield f"{energy.self_sufficiency:.0%} of what the home used was not bought."
    if energy.cycles is not None:
        yield f"The battery went through {energy.cycles:.1f} full cycles."


def charge_words(charge: ChargeSoFar, currency: str, timezone: str) -> str:
    """Return a component of the demand charge in a sentence, with what a new peak would cost."""
    of = "the highest mean" if charge.top == 1 else f"the mean of the {charge.top} highest means"
    if not charge.peaks:
        return f"Power charge, {of} of {charge.minutes} minutes: no import that counts yet."
    shown = ", ".join(f"{peak.kw:.2f} kW on {_local(peak.start, timezone)}" for peak in charge.peaks)
    added = f"one of {charge.next_kw:.2f} kW would add {charge.next_kw_cost:.2f} {currency}"
    level = f"up to {charge.level_kw:.2f} kW a new peak costs nothing, " if charge.level_kw else ""
    return f"Power charge, {of} of {charge.minutes} minutes: {charge.cost:.2f} {currency} for {shown}; {level}{added}."


def _local(start: datetime, timezone: str) -> str:
    return f"{start.astimezone(ZoneInfo(timezone)):%d %b %H:%M}"
