"""The reserve and care of a plan by the names of its documents, the same in `darkstar plan --json` and the API."""

from typing import Any

from darkstar_pipeline.planning.battery_care import BatteryCare
from planner.plans.task import PlanTask
from planner.summaries.care_prices import care_prices
from planner.tolerances import VISIBLE_KWH
from planner.wording.messages import joined, phrase
from planner.wording.values import LEAST_SHOWN, Words


def care_values(task: PlanTask, care: BatteryCare) -> dict[str, Any] | None:
    """Return the reserve and care of a plan, and their price in it; None where there is none."""
    targets, battery = task.targets, task.site.battery
    if targets is None:
        return None
    prices, status = care_prices(task), care.full_charge
    percent = 100 / battery.capacity_kwh
    return {
        "min_soc_percent": float(targets.floor_kwh[0, 0]) * percent,
        "most_min_soc_percent": float(targets.floor_kwh[0].max()) * percent,
        "below_reserve": task.start_soc_kwh < float(targets.floor_kwh[0, 0]) - VISIBLE_KWH,
        "causes": [each.cause for each in care.reserves],
        "reserve_price": None if prices is None else prices.reserve,
        "full_charge_price": None if prices is None else prices.full_charge,
        "resting_price": None if prices is None else prices.resting,
        "last_full_charge": None if status is None else status.last,
        "full_charge_deadline": None if status is None else status.deadline,
        "full_charge_at": None if status is None else status.placed,
        "full_charge_late": status is not None and status.late,
        "note": care.note,
    }


def care_sentences(values: dict[str, Any], words: Words) -> list[str]:
    """Return the reserve and care of a plan in sentences, prices where they can be seen."""
    lines = [_reserve_sentence(values, words)]
    if values["below_reserve"]:
        lines.append(phrase("the battery is below its reserve: it is not discharged, and charged until it is back"))
    if values["full_charge_at"] is not None:
        placed = phrase("full charge: 100 % by {time}", time=words.moment(values["full_charge_at"]))
        lines.append(_priced(placed, values["full_charge_price"], words))
    elif values["full_charge_deadline"] is not None:
        deadline = values["full_charge_deadline"].astimezone(words.zone)
        lines.append(phrase("full charge: by {day}; a later day is expected to cost less", day=f"{deadline:%Y-%m-%d}"))
    if (values["resting_price"] or 0.0) >= LEAST_SHOWN:
        lines.append(_priced(phrase("resting ceiling"), values["resting_price"], words))
    return lines


def _reserve_sentence(values: dict[str, Any], words: Words) -> str:
    """Return what is kept for outages, and what that costs."""
    least, most = values["min_soc_percent"], values["most_min_soc_percent"]
    kept = phrase("{least:.0f} %", least=least)
    if most - least >= 1:
        kept = phrase("{least:.0f} %, later up to {most:.0f} %", least=least, most=most)
    sentence = phrase("kept for outages: not used below {percent}", percent=kept)
    if values["causes"]:
        causes = joined(", ", values["causes"])
        sentence = phrase("kept for outages: not used below {percent} ({causes})", percent=kept, causes=causes)
    return _priced(sentence, values["reserve_price"], words)


def _priced(sentence: str, price: float | None, words: Words) -> str:
    """Return a sentence with what it costs in the plan, where that is known."""
    if price is None:
        return sentence
    if abs(price) < LEAST_SHOWN:
        return joined("; ", [sentence, phrase("costs nothing in this plan")])
    return joined("; ", [sentence, phrase("costs {money} in this plan", money=words.money(price))])
