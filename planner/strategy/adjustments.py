"""Adjustments of what a plan rests on, each with a name, a bound and a cause.

An adjustment changes what a planner believes or keeps, never the physics, the prices or how money is counted: its
effect is the difference of two plans, or of two replays, in the one way of counting.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

import numpy as np

from env.inverter import Energy
from env.site import Site
from planner.care.soc_targets import SocTargets, soc_targets
from planner.strategy.context import StrategyContext, context_of
from planner.value.scenarios import Scenarios

AdjustmentName: TypeAlias = Literal["s_index", "small_spread_wear", "high_load"]
ADJUSTMENTS: tuple[AdjustmentName, ...] = get_args(AdjustmentName)

ON_BY_DEFAULT: tuple[AdjustmentName, ...] = ()
"""Adjustments that earned on the training days of the bench homes beyond their interval, see ADR 0052."""

S_SHARE = 0.25
"""Part of the day's uncertainty that is kept beside the reserve."""
MOST_S_PERCENT = 10.0
SMALL_SPREAD = 0.6
"""Spread of prices, as a share of their mean, below which a kWh is moved only for a larger gain."""
MOST_WEAR_TIMES = 1.5
HIGH_LOAD_TILT = 1.0
"""Weight of a scenario for each standard deviation of the net load and unit of volatility, as an exponent."""
MOST_TILT = 0.5
_VISIBLE = 1e-9


@dataclass(frozen=True, kw_only=True)
class Adjustment:
    """An adjustment that was made.

    Attributes:
        name: one of `ADJUSTMENTS`.
        amount: by how much, in `unit`.
        unit: `%` of the capacity kept, `times` the wear, `tilt` of the scenarios' weights.
        cause: what of the context asks for it, in words.
    """

    name: AdjustmentName
    amount: float
    unit: str
    cause: str


@dataclass(frozen=True, kw_only=True)
class Beliefs:
    """The forecasts and settings that a planner of a span rests on.

    Attributes:
        site: battery with its wear, limits and care.
        import_price: of the slots `(n_slots,)` [money/kWh].
        export_price: of the slots `(n_slots,)` [money/kWh].
        scenarios: of load and PV, one home.
        targets: reserve and care; None for none.
        applied: the adjustments made so far.
    """

    site: Site
    import_price: Energy
    export_price: Energy
    scenarios: Scenarios
    targets: SocTargets | None
    applied: tuple[Adjustment, ...] = ()


def adjusted(beliefs: Beliefs, names: Sequence[AdjustmentName]) -> Beliefs:
    """Return what a planner rests on with the adjustments that the context asks for, in the order of `ADJUSTMENTS`."""
    context = context_of(beliefs.import_price, beliefs.scenarios)
    for name in ADJUSTMENTS:
        if name in names:
            beliefs = _RULES[name](beliefs, context)
    return beliefs


def _s_index(beliefs: Beliefs, context: StrategyContext) -> Beliefs:
    """Keep a margin in the store that grows with the uncertainty of the net load."""
    battery = beliefs.site.battery
    percent = min(100 * S_SHARE * context.uncertainty_kwh / battery.capacity_kwh, MOST_S_PERCENT)
    if percent < _VISIBLE:
        return beliefs
    prices = beliefs.import_price[None], beliefs.export_price[None]
    before = beliefs.targets
    if before is None:
        floor = np.full_like(prices[0], battery.min_soc_kwh)
        before = soc_targets(beliefs.site, floor, *prices)
    margin = np.minimum(before.floor_kwh + battery.stored_kwh(percent), battery.max_soc_kwh)
    targets = replace(before, floor_kwh=margin)  # not wanted, only not used: nothing is bought for it
    cause = f"the day's net load is uncertain by {context.uncertainty_kwh:.1f} kWh"
    return _with(beliefs, Adjustment(name="s_index", amount=percent, unit="%", cause=cause), targets=targets)


def _small_spread_wear(beliefs: Beliefs, context: StrategyContext) -> Beliefs:
    """Move energy only for a larger gain where prices hardly differ."""
    missing = 1.0 - context.price_spread / SMALL_SPREAD
    times = 1.0 + (MOST_WEAR_TIMES - 1.0) * min(max(missing, 0.0), 1.0)
    if times - 1.0 < _VISIBLE:
        return beliefs
    battery = replace(beliefs.site.battery, wear_cost=times * beliefs.site.battery.wear_cost)
    cause = f"prices spread by {100 * context.price_spread:.0f} % of their mean"
    return _with(
        beliefs,
        Adjustment(name="small_spread_wear", amount=times, unit="times", cause=cause),
        site=replace(beliefs.site, battery=battery),
    )


def _high_load(beliefs: Beliefs, context: StrategyContext) -> Beliefs:
    """Give days of high net load more weight where the sun is volatile: a higher quantile of the forecast."""
    tilt = min(HIGH_LOAD_TILT * context.volatility, MOST_TILT)
    scenarios = beliefs.scenarios
    net = (scenarios.load_kwh - scenarios.pv_kwh).sum(axis=2)
    spread = float(net.std())
    if tilt < _VISIBLE or spread < _VISIBLE:
        return beliefs
    equal = np.full(net.shape, 1 / net.shape[1])
    weights = (equal if scenarios.prior is None else scenarios.prior) * np.exp(tilt * (net - net.mean()) / spread)
    prior = weights / weights.sum(axis=1, keepdims=True)
    cause = f"the day's sun is uncertain by {100 * context.volatility:.0f} %"
    return _with(
        beliefs,
        Adjustment(name="high_load", amount=tilt, unit="tilt", cause=cause),
        scenarios=Scenarios(scenarios.load_kwh, scenarios.pv_kwh, prior),
    )


def _with(
    beliefs: Beliefs,
    adjustment: Adjustment,
    *,
    site: Site | None = None,
    scenarios: Scenarios | None = None,
    targets: SocTargets | None = None,
) -> Beliefs:
    """Return beliefs with something else, and the adjustment that made it so."""
    return replace(
        beliefs,
        site=beliefs.site if site is None else site,
        scenarios=beliefs.scenarios if scenarios is None else scenarios,
        targets=beliefs.targets if targets is None else targets,
        applied=(*beliefs.applied, adjustment),
    )


_RULES: Mapping[AdjustmentName, Callable[[Beliefs, StrategyContext], Beliefs]] = {
    "s_index": _s_index,
    "small_spread_wear": _small_spread_wear,
    "high_load": _high_load,
}
