"""The sentence of a block: what the battery does, why, and what it is worth."""

from dataclasses import dataclass
from datetime import datetime

from planner.summaries.intents import CHARGE, COVER, CURTAIL, REST, SELL, SELL_SURPLUS, STORE, Intent
from planner.tolerances import VISIBLE_KWH
from planner.wording.messages import joined
from planner.wording.phrases import name_of, phrase_named
from planner.wording.values import LEAST_SHOWN, Words, energy, power


@dataclass(frozen=True, kw_only=True)
class BlockFacts:
    """The facts about a block that its sentence is made of; as `planner.summaries.blocks.Block`.

    Attributes:
        sun_kwh: how much of what is charged is surplus [kWh].
        full: whether the battery is full in all slots.
        empty: whether it is empty in all slots.
        reserved: whether all that is stored is the minimum or a reserve for outages, in all slots.
        used: from when on what is charged is used, and at what mean price; without a time where it is kept beyond the
            end; None where nothing is charged.
        exchanged: what batteries take from each other [kWh].
        several: whether there is more than one battery.
    """

    intent: Intent
    reason: str
    by_hand: bool
    starts: datetime
    energy_kwh: float
    power_kw: float
    price: float
    sun_kwh: float
    full: bool
    empty: bool
    reserved: bool
    used: tuple[datetime | None, float] | None
    saving: float
    gain: float
    exchanged: float = 0.0
    several: bool = False


def block_sentence(facts: BlockFacts, words: Words) -> str:
    """Return the sentence of a block."""
    parts = (_what(facts, words), _exchange(facts), _why(facts, words))
    what = joined("; ", [part for part in parts if part])
    return joined(": ", [part for part in (what, _worth(facts, words)) if part])


def _what(facts: BlockFacts, words: Words) -> str:
    """Return what the battery does."""
    name = _head(facts)
    return phrase_named(
        name_of(f"block.{name}", several=facts.several),
        energy=energy(facts.energy_kwh),
        power=power(round(facts.power_kw, 1)),
        sun=energy(facts.sun_kwh),
        exchanged=energy(facts.exchanged),
        price=words.price(-facts.price if name in ("paid_to_charge", "store_costly") else facts.price),
    )


def _head(facts: BlockFacts) -> str:
    """Return the name of the phrase on what the battery does."""
    if facts.intent == CHARGE:
        if facts.price < 0:
            return "paid_to_charge"
        return "charge_with_sun" if facts.sun_kwh > LEAST_SHOWN else "charge"
    if facts.intent == STORE:
        return "store" if facts.price >= 0 else "store_costly"
    if facts.intent == REST and facts.exchanged >= LEAST_SHOWN:
        return "exchange_and_rest" if facts.energy_kwh > VISIBLE_KWH else "exchange"
    if facts.intent == REST and facts.energy_kwh <= VISIBLE_KWH:
        return "nothing"
    names = {COVER: "cover", SELL: "sell", SELL_SURPLUS: "sell_surplus", CURTAIL: "curtail"}
    return names.get(facts.intent, "rest")


def _exchange(facts: BlockFacts) -> str:
    """Return what batteries take from each other; empty where that rounds to nothing."""
    if facts.exchanged < LEAST_SHOWN or facts.intent == REST:
        return ""
    return phrase_named("block.exchange", exchanged=energy(facts.exchanged))


def _why(facts: BlockFacts, words: Words) -> str:
    """Return why, beyond what prices say; empty for nothing."""
    if facts.by_hand:
        return phrase_named("why.by_hand")
    if facts.used is not None and facts.intent in (CHARGE, STORE):
        start, price = facts.used
        if start is None:
            return phrase_named("why.kept", price=words.price(price))
        return phrase_named("why.used", time=words.clock(start, facts.starts), price=words.price(price))
    if (level := _level(facts)) is not None:
        return phrase_named(name_of(f"why.{level}", several=facts.several))
    reasons = {
        "keep_under_fuse": "why.fuse",
        "keep_under_peak": "why.peak",
        "keep_for_later": "why.later",
        "limited": "why.limited",
    }
    if facts.reason not in reasons:
        return ""
    return phrase_named(name_of(reasons[facts.reason], several=facts.several))


def _level(facts: BlockFacts) -> str | None:
    """Return the level of stored energy that leaves the battery nothing to do; None for none."""
    if facts.intent == REST:
        return "empty" if facts.empty else "reserve" if facts.reserved else None
    return "full" if facts.intent == SELL_SURPLUS and facts.full else None


def _worth(facts: BlockFacts, words: Words) -> str:
    """Return what the block is worth; empty where that rounds to nothing."""
    if facts.intent in (CHARGE, STORE):
        if facts.saving <= -LEAST_SHOWN:
            return _charged(facts, words)
        return phrase_named("worth.saves", money=words.money(facts.gain)) if facts.gain >= LEAST_SHOWN else ""
    if abs(facts.saving) < LEAST_SHOWN:
        return ""
    name = "worth.saves" if facts.saving > 0 else "worth.costs"
    return phrase_named(name, money=words.money(abs(facts.saving)))


def _charged(facts: BlockFacts, words: Words) -> str:
    """Return what charging costs now, and what it saves with its use later."""
    costs = words.money(-facts.saving)
    if facts.gain < LEAST_SHOWN:
        return phrase_named("worth.costs", money=costs)
    return phrase_named("worth.costs_and_saves", money=costs, gain=words.money(facts.gain))
