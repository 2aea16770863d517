"""The base of a span's planner, the knowledge of the span beside it, and the adjustments made of both."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias, get_args

import numpy as np

from env.inverter import Energy
from env.site import Site
from env.types import Integers, Mask
from planner.care.soc_targets import SocTargets
from planner.tuning.quantities import QuantityName
from planner.value.scenarios import Scenarios

AdjustmentName: TypeAlias = Literal[
    "s_index",
    "small_spread_wear",
    "high_load",
    "learned_forecast",
    "learned_losses",
    "vacation_load",
    "alarm_reserve",
    "vacation_water",
]
ADJUSTMENTS: tuple[AdjustmentName, ...] = get_args(AdjustmentName)
VACATION_WATER: AdjustmentName = "vacation_water"
"""The one that asks less of the water heater, before a plan is made; the others are `planner.strategy.adjustments`'."""
LearnedNow: TypeAlias = Mapping[QuantityName, float]
"""Learned values in force; a quantity that is missing has its configured value."""


@dataclass(frozen=True, kw_only=True)
class Adjustment:
    """An adjustment that was made.

    Attributes:
        name: one of `ADJUSTMENTS`.
        amount: by how much, in `unit`.
        unit: `%` of the capacity kept, `times` the wear, `tilt` of the scenarios' weights, `forecast` for the largest
            correction of the scenarios and `losses` for the round trip, both in percent.
        cause: what of the context asks for it, in words.
    """

    name: AdjustmentName
    amount: float
    unit: str
    cause: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Circumstances:
    """Knowledge of a span beside prices and scenarios.

    Attributes:
        hours: local hour of each slot `(n_slots,)`.
        vacation: slots in which nobody is at home `(n_slots,)`.
        alarm: slots for which a weather warning or an outage is announced `(n_slots,)`.
        learned: learned values in force.
    """

    hours: Integers
    vacation: Mask
    alarm: Mask
    learned: LearnedNow = field(default_factory=dict[QuantityName, float])

    @staticmethod
    def ordinary(n_slots: int) -> "Circumstances":
        """Return those of a span of which nothing is known."""
        nothing = np.zeros(n_slots, dtype=np.bool_)
        return Circumstances(hours=np.zeros(n_slots, dtype=np.int64), vacation=nothing, alarm=nothing)


@dataclass(frozen=True, kw_only=True, eq=False)
class Beliefs:
    """The forecasts and settings that a planner of a span rests on.

    Attributes:
        site: battery with its wear, limits and care.
        import_price: of the slots `(n_slots,)` [money/kWh].
        export_price: of the slots `(n_slots,)` [money/kWh].
        scenarios: of load and PV, one home.
        targets: reserve and care; None for none.
        around: what else is known of the span; None for nothing.
        applied: the adjustments made so far.
    """

    site: Site
    import_price: Energy
    export_price: Energy
    scenarios: Scenarios
    targets: SocTargets | None
    around: Circumstances | None = None
    applied: tuple[Adjustment, ...] = ()

    @property
    def circumstances(self) -> Circumstances:
        """Other knowledge of the span."""
        return Circumstances.ordinary(len(self.import_price)) if self.around is None else self.around

    def changed(
        self,
        adjustment: Adjustment,
        *,
        site: Site | None = None,
        scenarios: Scenarios | None = None,
        targets: SocTargets | None = None,
    ) -> "Beliefs":
        """Return beliefs with something else, and the adjustment that made it so."""
        return replace(
            self,
            site=self.site if site is None else site,
            scenarios=self.scenarios if scenarios is None else scenarios,
            targets=self.targets if targets is None else targets,
            applied=(*self.applied, adjustment),
        )
