"""The phrases about blocks and changes of plans, each by a name and with named values.

A phrase is said in one place only. What does not belong here: how values are formatted (`values`), how phrases are told
in other languages (`messages`), and which phrase is said (`planner.plans.explanations`, `planner.summaries`).
"""

from planner.wording.messages import Message, tree_of

PHRASES = {
    # A block of a plan: what the battery does.
    "block.charge": "charge {energy} ({power}) at {price}",
    "block.charge_with_sun": "charge {energy} ({power}), {sun} of it sun, at {price}",
    "block.paid_to_charge": "charge {energy} ({power}), paid {price}",
    "block.store": "store {energy} of sun ({power}) that would sell at {price}",
    "block.store_costly": "store {energy} of sun ({power}) that would cost {price} to sell",
    "block.cover": "cover {energy} of load at {price}",
    "block.sell": "sell {energy} from the battery ({power}) at {price}",
    "block.sell_surplus": "leave the battery; sell {energy} of sun at {price}",
    "block.curtail": "leave the battery; {energy} of sun stays unused",
    "block.rest": "leave the battery; the house takes {energy} from the grid at {price}",
    "block.nothing": "leave the battery; nothing to cover and nothing to store",
    "block.sell.several": "sell {energy} from the batteries ({power}) at {price}",
    "block.sell_surplus.several": "leave the batteries; sell {energy} of sun at {price}",
    "block.curtail.several": "leave the batteries; {energy} of sun stays unused",
    "block.rest.several": "leave the batteries; the house takes {energy} from the grid at {price}",
    "block.nothing.several": "leave the batteries; nothing to cover and nothing to store",
    "block.exchange": "one battery takes {exchanged} from another",
    "block.exchange_and_rest": "one battery takes {exchanged} from another; the house takes {energy} from the grid "
    "at {price}",
    # Why.
    "why.used": "used from {time} at {price}",
    "why.kept": "kept beyond the plan's end, worth {price} there",
    "why.fuse": "to stay within the fuse",
    "why.peak": "to keep the month's peak down",
    "why.later": "a kWh kept is worth more later",
    "why.empty": "the battery is empty",
    "why.reserve": "what is stored is kept for outages",
    "why.full": "the battery is full",
    "why.limited": "a limit keeps the battery from covering it",
    "why.empty.several": "the batteries are empty",
    "why.full.several": "the batteries are full",
    "why.limited.several": "a limit keeps the batteries from covering it",
    "why.by_hand": "asked for by hand",
    # What it is worth against a battery that is not used.
    "worth.saves": "saves {money}",
    "worth.costs": "costs {money}",
    "worth.costs_and_saves": "costs {money} now and saves {gain} in all",
    # What a plan is there for, by intent.
    "intent.charge": "charge",
    "intent.store": "store sun",
    "intent.cover": "cover load",
    "intent.sell": "sell from the battery",
    "intent.sell_surplus": "sell sun",
    "intent.curtail": "leave sun unused",
    "intent.rest": "leave the battery",
    "intent.sell.several": "sell from the batteries",
    "intent.rest.several": "leave the batteries",
    # How a plan differs from the one before, and why.
    "change.instead": "{span}: {after} instead of {before}",
    "change.more": "{span}: {intent}, {energy} more",
    "change.less": "{span}: {intent}, {energy} less",
    "cause.prices_arrived": "prices until {time} have arrived",
    "cause.prices": "prices have changed",
    "cause.more_load": "{energy} more load is expected",
    "cause.less_load": "{energy} less load is expected",
    "cause.more_pv": "{energy} more sun is expected",
    "cause.less_pv": "{energy} less sun is expected",
    "cause.soc": "{now} % is stored, {expected} % was expected",
    "cause.by_hand": "what is set by hand has changed",
    "cause.source": "made by {after}, the plan before by {before}",
    "cause.model": "another version of the champion is in use",
    "cause.peaks": "the month's peaks have moved",
    "cause.readings": "the readings since then make other days likelier",
    # Who made a plan.
    "source.champion": "the champion",
    "source.value": "the value function",
    "source.mpc": "the optimiser",
    "source.last_plan": "the last plan",
    "source.self_consumption": "the inverter's own default",
}


def source_words(source: str) -> str:
    """Return the words for a plan source; of a policy's name that is none, the name."""
    name = f"source.{source}"
    return phrase_named(name) if name in PHRASES else source


def name_of(name: str, *, several: bool) -> str:
    """Return the name of a phrase as it is said of several batteries, where that is another."""
    return f"{name}.several" if several and f"{name}.several" in PHRASES else name


def phrase_named(name: str, **values: str) -> Message:
    """Return a phrase of the table with its values.

    >>> phrase_named("worth.saves", money="4.10 SEK")
    'saves 4.10 SEK'

    Raises:
        KeyError: there is no such phrase, or it needs another value.
    """
    return Message([PHRASES[name], {name: tree_of(value) for name, value in values.items()}])
