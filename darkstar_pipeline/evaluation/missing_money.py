"""The money between the policy `value` and perfect hindsight, split by what would have to be known, and by battery.

Knowledge is replayed (`planner.replay.known_home`): the same policy, home and prices, with the sun, the load or the
next day's prices known beforehand. The parts do not add up to the whole; what knowing everything leaves is the
policy's own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import polars as pl

from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.price_forecaster import price_forecaster
from darkstar_pipeline.datasets.replay_inputs import protocol_of
from darkstar_pipeline.forecasts.replay_forecasts import forecast_replay_inputs
from darkstar_pipeline.forecasts.site_scenarios import replay_past
from env.site import Site
from planner.evaluation.charged_results import charged_results
from planner.policies.window import window_settlement
from planner.replay.continuous import replay_window
from planner.replay.daily import replay_days
from planner.replay.known_home import CONTINUOUS_KNOWLEDGE, DAILY_KNOWLEDGE, replay_known_days, replay_known_window
from planner.value.protocol import Protocol

LARGER = (1.5, 2.0)
"""Times the battery's capacity and power, to say what a larger one would be worth."""


@dataclass(frozen=True)
class MissingMoney:
    """Savings of `value` on a range of days, beside what it would save if it knew more or had a larger battery [money].

    Attributes:
        saved: against a battery that is not used.
        by_knowledge: further saving by what is known: `sun`, `load`, `sun_and_load`; where days follow days, `prices`
            and `all`, too.
        by_battery: further saving of a battery so many times as large, the money of the battery itself not counted.
    """

    saved: float
    by_knowledge: Mapping[str, float]
    by_battery: Mapping[float, float]


def missing_money(context: Context, days: Sequence[date], *, continuous: bool = False) -> MissingMoney:
    """Replay `value` on usable days with parts of the future known, and with larger batteries.

    Args:
        context: the site.
        days: local days; all of them usable.
        continuous: stored energy is carried through the days.
    """
    inputs = forecast_replay_inputs(context, days)
    slots, forecasts = inputs.slots, inputs.forecasts
    history = replay_past(context, slots, forecasts, inputs.history)
    prices = price_forecaster(context.lake, context.site, max(days)) if continuous else None

    def paid(site: Site, replayed: Callable[[Site, Protocol], pl.DataFrame]) -> float:
        protocol = protocol_of(context.site_settings, site.battery)
        settled = protocol
        if continuous:
            settled = replace(protocol, settlement_value=window_settlement(slots, site, protocol))
        results = charged_results(replayed(site, protocol), settled, site)
        return float(results["cost"].sum()) + (
            float(results["power_cost"].sum()) if "power_cost" in results.columns else 0.0
        )

    def replay(policy: str) -> Callable[[Site, Protocol], pl.DataFrame]:
        if continuous:
            return lambda site, protocol: replay_window(
                policy, slots, forecasts, history, site, protocol, prices=prices
            )
        return lambda site, protocol: replay_days(policy, slots, forecasts, site, protocol, history=history)

    def knowing(name: str) -> Callable[[Site, Protocol], pl.DataFrame]:
        if continuous:
            known = CONTINUOUS_KNOWLEDGE[name]
            return lambda site, protocol: replay_known_window(
                known, slots, forecasts, history, site, protocol, prices=prices
            )
        return lambda site, protocol: replay_known_days(
            DAILY_KNOWLEDGE[name], slots, forecasts, site, protocol, history=history
        )

    site = context.site
    idle, value = paid(site, replay("idle")), paid(site, replay("value"))
    knowledge = CONTINUOUS_KNOWLEDGE if continuous else DAILY_KNOWLEDGE
    batteries = {times: replace(site, battery=site.battery.scaled(times)) for times in LARGER}
    return MissingMoney(
        saved=idle - value,
        by_knowledge={name: value - paid(site, knowing(name)) for name in knowledge},
        # Each against its own idle battery: a fuller one at the start is worth more on its own.
        by_battery={
            times: paid(larger, replay("idle")) - paid(larger, replay("value")) - (idle - value)
            for times, larger in batteries.items()
        },
    )


def missing_rows(context: Context, days: Sequence[date], *, continuous: bool) -> list[dict[str, Any]]:
    """Return rows `what, gain, share` of what `value` would save besides, as a share of what it saves."""
    found = missing_money(context, days, continuous=continuous)
    capacity = context.site.battery.capacity_kwh
    gains = {
        **{f"{name}_known": gain for name, gain in found.by_knowledge.items()},
        **{f"battery_{capacity * times:.3g}_kwh": gain for times, gain in found.by_battery.items()},
    }
    return [
        {"what": name, "gain": gain, "share": gain / found.saved if found.saved > 0 else None}
        for name, gain in gains.items()
    ]
