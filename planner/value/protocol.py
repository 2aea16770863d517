"""How policies are measured: where every day starts and what a stored kWh is worth at its end."""

from dataclasses import dataclass, field

import numpy as np

from env.battery import Battery
from env.inverter import Energy


@dataclass(frozen=True, kw_only=True)
class SteadinessRules:
    """How steady commands shall be.

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
        settlement_value: worth of a stored kWh at the end of a day [money/kWh]; None values it by the day's prices.
        steadiness: how steady the commands of a planner have to be, for the inverter's sake.
    """

    start_soc_kwh: float
    settlement_value: float | None = None
    steadiness: SteadinessRules = field(default_factory=SteadinessRules)

    def settlement(self, import_price: Energy, battery: Battery) -> float:
        """Worth of a stored kWh at the end of a day with these import prices [money/kWh].

        By default median import price x discharge efficiency - wear, not below 0: what a kWh kept would save on an
        ordinary slot.
        """
        if self.settlement_value is not None:
            return self.settlement_value
        worth = float(np.median(import_price)) * battery.discharge_efficiency - battery.discharge_wear
        return max(worth, 0.0)
