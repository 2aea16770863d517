"""The report of a month in sentences and rows, for the terminal, the page and the PDF alike."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from darkstar_pipeline.analyst.month_report import MonthReport
from darkstar_pipeline.analyst.peaks import ChargeSoFar
from darkstar_pipeline.evaluation.actual_costs import NO_SUN
from darkstar_pipeline.evaluation.actual_days import ACTUAL
from planner.wording.messages import figures, joined, phrase
from planner.wording.values import day_and_time

WAY_WORDS = {
    ACTUAL: phrase("as it was"),
    NO_SUN: phrase("no panels, no battery"),
    "idle": phrase("battery not used"),
    "self_consumption": phrase("battery for own use only"),
    "oracle": phrase("perfect hindsight"),
}
_ENERGY_WORDS = {
    "load_kwh": phrase("energy|used"),
    "pv_kwh": phrase("from the panels"),
    "import_kwh": phrase("bought"),
    "export_kwh": phrase("sold"),
    "batt_charge_kwh": phrase("into the battery"),
    "batt_discharge_kwh": phrase("out of the battery"),
}


def headline(report: MonthReport) -> str:
    """Return the month's result in a sentence."""
    first, last = report.days[0].day, report.days[-1].day
    when = phrase("on {n} days from {first} to {last}", n=len(report.days), first=str(first), last=str(last))
    if first == last:
        when = phrase("on {day}", day=str(first))
    saved = report.saved("idle")
    if saved is None:
        return phrase("The cost {when} is not known: grid meters and state of charge were not read.", when=when)
    said = {"when": when, "money": figures(f"{abs(saved):.2f} {report.currency}"), "share": report.captured_share}
    if report.captured_share is None:
        return (
            phrase("The battery saved {money} {when}.", **said)
            if saved >= 0
            else phrase("The battery cost {money} {when}.", **said)
        )
    if saved >= 0:
        return phrase("The battery saved {money} {when}, {share:.0%} of what was possible.", **said)
    return phrase("The battery cost {money} {when}, {share:.0%} of what was possible.", **said)


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
        yield phrase("Assumed: {note}.", note=report.peaks.note)
    if report.peaks.charges and report.peaks.unread_slots:
        yield phrase("Import is not known in {n} slots; they count as none in the peaks.", n=report.peaks.unread_slots)
    yield from _forecasts(report)
    grades = joined(", ", [phrase("{n} {grade}", n=n, grade=_grade(name)) for name, n in report.grades.items()])
    if report.repaired_prices:
        n_repaired = report.repaired_prices
        yield phrase("Days by grade: {grades}; {n} prices were repaired.", grades=grades, n=n_repaired)
    else:
        yield phrase("Days by grade: {grades}.", grades=grades)
    if report.left_out:
        n_days = len(report.left_out)
        if n_days == 1:
            yield phrase("1 day is not in the costs, which are not scaled up:")
        else:
            yield phrase("{n} days are not in the costs, which are not scaled up:", n=n_days)
        yield from (joined("", ["  ", str(each.day), ": ", each.reason]) for each in report.left_out)


def _grade(name: str) -> str:
    """Return the words for a day's grade."""
    grades = {
        "clean": phrase("clean"),
        "exclude": phrase("exclude"),
        "mask_battery": phrase("mask_battery"),
    }
    return grades.get(name, name)


def _forecasts(report: MonthReport) -> Iterator[str]:
    """Return sentences on how far forecasts were off."""
    for name, error in report.forecasts.items():
        said = {
            "off": error.of_day_kwh,
            "mean": error.mean_kwh,
            "bias": abs(error.bias_kwh),
            "days": error.days,
            "what": phrase("load") if name == "load_kwh" else phrase("sun"),
        }
        if error.bias_kwh > 0:
            yield phrase(
                "Forecasts of {what} were off by {off:.1f} kWh a day of {mean:.1f} ({bias:.1f} too high on average, "
                "{days} days).",
                **said,
            )
        else:
            yield phrase(
                "Forecasts of {what} were off by {off:.1f} kWh a day of {mean:.1f} ({bias:.1f} too low on average, "
                "{days} days).",
                **said,
            )


def _energy(report: MonthReport) -> Iterator[str]:
    """Return sentences on the metered energy."""
    energy = report.energy
    known = [(words, name) for name, words in _ENERGY_WORDS.items() if energy.energy_kwh[name] is not None]
    if known:
        sums = [phrase("{kwh:.0f} kWh {what}", kwh=energy.energy_kwh[name], what=words) for words, name in known]
        yield phrase("Metered: {sums}.", sums=joined(", ", sums))
    for words, name in known:
        read, slots = energy.read_slots[name], energy.slots
        if read < slots:
            yield joined("", ["  ", phrase("{what}: read in {n} of {slots} slots", what=words, n=read, slots=slots)])
    if energy.self_consumption is not None:
        yield phrase("{share:.0%} of the panels' energy was used at home.", share=energy.self_consumption)
    if energy.self_sufficiency is not None:
        yield phrase("{share:.0%} of what the home used was not bought.", share=energy.self_sufficiency)
    if energy.cycles is not None:
        yield phrase("The battery went through {cycles:.1f} full cycles.", cycles=energy.cycles)


def charge_words(charge: ChargeSoFar, currency: str, timezone: str) -> str:
    """Return a component of the demand charge in a sentence, with what a new peak would cost."""
    of = phrase("the highest mean of {minutes} minutes", minutes=charge.minutes)
    if charge.top > 1:
        of = phrase("the mean of the {n} highest means of {minutes} minutes", n=charge.top, minutes=charge.minutes)
    if not charge.peaks:
        return phrase("Power charge, {of}: no import that counts yet.", of=of)
    shown = [phrase("{kw:.2f} kW on {time}", kw=peak.kw, time=_local(peak.start, timezone)) for peak in charge.peaks]
    said = {
        "of": of,
        "money": figures(f"{charge.cost:.2f} {currency}"),
        "peaks": joined(", ", shown),
        "level": charge.level_kw,
        "next": charge.next_kw,
        "added": figures(f"{charge.next_kw_cost:.2f} {currency}"),
    }
    if charge.level_kw:
        return phrase(
            "Power charge, {of}: {money} for {peaks}; up to {level:.2f} kW a new peak costs nothing, one of "
            "{next:.2f} kW would add {added}.",
            **said,
        )
    return phrase("Power charge, {of}: {money} for {peaks}; one of {next:.2f} kW would add {added}.", **said)


def _local(start: datetime, timezone: str) -> str:
    return day_and_time(start.astimezone(ZoneInfo(timezone)))
