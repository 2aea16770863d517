"""The rules of the adjustments: what of the context asks for one, by how much at the most, and what it changes."""

from dataclasses import replace

import numpy as np

from env.inverter import Energy
from env.types import Mask
from planner.care.soc_targets import SocTargets, soc_targets
from planner.strategy.beliefs import Adjustment, AdjustmentName, Beliefs
from planner.strategy.context import StrategyContext
from planner.tuning.quantities import BANDS, S_SHARE, Quantity, quantities_of
from planner.value.scenarios import Scenarios
from planner.wording.messages import phrase

MOST_S_PERCENT = 10.0
SMALL_SPREAD = 0.6
"""Spread of prices, as a share of their mean, below which a kWh is moved only for a larger gain."""
MOST_WEAR_TIMES = 1.5
HIGH_LOAD_TILT = 1.0
"""Weight of a scenario for each standard deviation of the net load and unit of volatility, as an exponent."""
MOST_TILT = 0.5
ALARM_PERCENT = 20.0
"""Part of the capacity that is kept, not bought, while a warning holds."""
_VISIBLE = 1e-9


def s_index(beliefs: Beliefs, context: StrategyContext) -> Beliefs:
    """Keep a margin in the store that grows with the uncertainty of the net load."""
    capacity = beliefs.site.battery.capacity_kwh
    share = beliefs.circumstances.learned.get("s_share", S_SHARE)
    percent = min(100 * share * context.uncertainty_kwh / capacity, MOST_S_PERCENT)
    if percent < _VISIBLE:
        return beliefs
    cause = phrase("the day's net load is uncertain by {kwh:.1f} kWh", kwh=context.uncertainty_kwh)
    made = Adjustment(name="s_index", amount=percent, unit="%", cause=cause)
    every = np.ones(len(beliefs.import_price), dtype=np.bool_)
    return beliefs.changed(made, targets=_kept(beliefs, percent, every))


def small_spread_wear(beliefs: Beliefs, context: StrategyContext) -> Beliefs:
    """Move energy only for a larger gain where prices hardly differ."""
    missing = 1.0 - context.price_spread / SMALL_SPREAD
    times = 1.0 + (MOST_WEAR_TIMES - 1.0) * min(max(missing, 0.0), 1.0)
    if times - 1.0 < _VISIBLE:
        return beliefs
    battery = replace(beliefs.site.battery, wear_cost=times * beliefs.site.battery.wear_cost)
    cause = phrase("prices spread by {percent:.0f} % of their mean", percent=100 * context.price_spread)
    made = Adjustment(name="small_spread_wear", amount=times, unit="times", cause=cause)
    return beliefs.changed(made, site=replace(beliefs.site, battery=battery))


def high_load(beliefs: Beliefs, context: StrategyContext) -> Beliefs:
    """Give days of high net load more weight where the sun is volatile: a higher quantile of the forecast."""
    cause = phrase("the day's sun is uncertain by {percent:.0f} %", percent=100 * context.volatility)
    return _tilted(beliefs, "high_load", min(HIGH_LOAD_TILT * context.volatility, MOST_TILT), cause)


def vacation_load(beliefs: Beliefs, _: StrategyContext) -> Beliefs:
    """Give days of low net load more weight while nobody is at home: a lower quantile of the forecast."""
    share = float(beliefs.circumstances.vacation.mean())
    return _tilted(beliefs, "vacation_load", -MOST_TILT * share, phrase("nobody is at home"))


def alarm_reserve(beliefs: Beliefs, _: StrategyContext) -> Beliefs:
    """Keep a reserve, without buying it, in the slots before and while a warning holds."""
    alarm = beliefs.circumstances.alarm
    if not alarm.any():
        return beliefs
    until = np.arange(len(alarm)) <= np.flatnonzero(alarm)[-1]
    cause = phrase("a warning of weather or outages is announced")
    made = Adjustment(name="alarm_reserve", amount=ALARM_PERCENT, unit="%", cause=cause)
    return beliefs.changed(made, targets=_kept(beliefs, ALARM_PERCENT, until))


def learned_forecast(beliefs: Beliefs, _: StrategyContext) -> Beliefs:
    """Correct the scenarios by the learned error of the forecasts at that time of day."""
    around, scenarios = beliefs.circumstances, beliefs.scenarios
    factors = {"load": np.ones(len(around.hours)), "pv": np.ones(len(around.hours))}
    for name, (first, end) in BANDS.items():
        inside = (around.hours >= first) & (around.hours < end)
        factors[name.partition("_")[0]][inside] = around.learned.get(name, 1.0)
    largest = max(float(np.abs(factor - 1).max(initial=0.0)) for factor in factors.values())
    if largest < _VISIBLE:
        return beliefs
    cause = phrase("forecasts of some hours were off by {percent:.0f} % in the last weeks", percent=100 * largest)
    made = Adjustment(name="learned_forecast", amount=100 * largest, unit="forecast", cause=cause)
    corrected = Scenarios(scenarios.load_kwh * factors["load"], scenarios.pv_kwh * factors["pv"], scenarios.prior)
    return beliefs.changed(made, scenarios=corrected)


def learned_losses(beliefs: Beliefs, _: StrategyContext) -> Beliefs:
    """Value stored energy with the losses that the battery's readings show."""
    battery = beliefs.site.battery
    quantity: Quantity = quantities_of(battery)["round_trip_efficiency"]
    learned = quantity.clamped(beliefs.circumstances.learned.get("round_trip_efficiency", quantity.configured))
    if abs(learned - quantity.configured) < _VISIBLE or battery.charge_curve or battery.discharge_curve:
        return beliefs
    each_way = float(np.sqrt(learned / quantity.configured))
    changed = replace(
        battery,
        charge_efficiency=min(battery.charge_efficiency * each_way, 1.0),
        discharge_efficiency=min(battery.discharge_efficiency * each_way, 1.0),
    )
    cause = phrase("the battery's readings show a round trip of {percent:.1f} %", percent=100 * learned)
    made = Adjustment(name="learned_losses", amount=100 * (learned - quantity.configured), unit="losses", cause=cause)
    return beliefs.changed(made, site=replace(beliefs.site, battery=changed))


def _kept(beliefs: Beliefs, percent: float, slots: Mask) -> SocTargets:
    """Return targets that keep so much more in some slots: not wanted, only not used, so that nothing is bought."""
    battery, before = beliefs.site.battery, beliefs.targets
    if before is None:
        prices = beliefs.import_price[None], beliefs.export_price[None]
        before = soc_targets(beliefs.site, np.full_like(prices[0], battery.min_soc_kwh), *prices)
    margin: Energy = np.minimum(before.floor_kwh + battery.stored_kwh(percent), battery.max_soc_kwh)
    return replace(before, floor_kwh=np.where(slots, np.maximum(margin, before.floor_kwh), before.floor_kwh))


def _tilted(beliefs: Beliefs, name: AdjustmentName, tilt: float, cause: str) -> Beliefs:
    """Give scenarios of high net load more weight, with a negative tilt less."""
    scenarios = beliefs.scenarios
    net = (scenarios.load_kwh - scenarios.pv_kwh).sum(axis=2)
    spread = float(net.std())
    if abs(tilt) < _VISIBLE or spread < _VISIBLE:
        return beliefs
    equal = np.full(net.shape, 1 / net.shape[1])
    weights = (equal if scenarios.prior is None else scenarios.prior) * np.exp(tilt * (net - net.mean()) / spread)
    prior = weights / weights.sum(axis=1, keepdims=True)
    made = Adjustment(name=name, amount=tilt, unit="tilt", cause=cause)
    return beliefs.changed(made, scenarios=Scenarios(scenarios.load_kwh, scenarios.pv_kwh, prior))
