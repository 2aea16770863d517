"""The rules of daily episodes: start, settlement at the end, the write budget, and the month so far."""

from dataclasses import dataclass, field

import numpy as np

from env.battery import Battery
from env.inverter import Energy
from env.power_tariff import EarlierDays


@dataclass(frozen=True, kw_only=True)
class WriteBudgetRules:
    """Limits of changes of command.

    Attributes:
        hysteresis_kwh: energy that a new command must move otherwise, or save the price of, to be written [kWh].
        writes_per_day: most changes of command on a local day; None for no limit.
    """

    hysteresis_kwh: float = 0.0
    writes_per_day: int | None = None


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Daily episodes: the same start and the same settlement for every policy.

    Attributes:
        start_soc_kwh: stored energy at the start of every day [kWh].
        settlement_value: value of a stored kWh at the end of a day [money/kWh]; None values it by the day's prices.
        write_budget: limits of a planner's changes of command, for the inverter's sake.
        month_before: where power is charged and the days begin inside a month, the peaks of its days before them, which
            stand for every policy alike.
    """

    start_soc_kwh: float
    settlement_value: float | None = None
    write_budget: WriteBudgetRules = field(default_factory=WriteBudgetRules)
    month_before: EarlierDays = ()

    def settlement(self, import_price: Energy, battery: Battery) -> float:
        """Return the value of a stored kWh at the end of a day with these import prices [money/kWh].

        By default median import price x discharge efficiency - wear, not below 0: what a kWh kept would save on an
        ordinary slot.
        """
        if self.settlement_value is not None:
            return self.settlement_value
        value = float(np.median(import_price)) * battery.discharge_efficiency - battery.discharge_wear
        return max(value, 0.0)
