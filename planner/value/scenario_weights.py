"""Scenario weights by likelihood, from the readings of the day so far, and the rules they follow.

The policy `value` uses `NAIVE`. A learned policy has rules that were fitted to its home, and its bundle keeps them: the
number of days back, how fast a day loses weight, the weight of the same weekday.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from env.inverter import Energy
from planner.value.scenarios import Scenarios
from planner.value.value_function import PERSISTENCE, in_order

LEAST_LIKELIHOOD = 1e-3  # no scenario is ever ruled out: all may be far from the day
NEVER_ALIKE = 200.0


@dataclass(frozen=True, kw_only=True)
class WeightRules:
    """Rules by which scenarios are chosen, weighted and followed.

    Attributes:
        n_days: number of days back that are scenarios.
        age_days: age by which a day's prior falls by e^-1; None for equal priors [days].
        weekday: factor of the prior of a day of the same weekday.
        persistence: chance that a scenario goes on in the next slot, 0-1.
        fade: share of the last slot's error that is expected in the next, 0-1.
        together: True compares net load by the parameters of load, False compares load and PV apart.
        load_memory: share of the difference between day and scenario that is remembered a slot later.
        load_alike_kwh: remembered difference at which a scenario is less likely by e^-0.5 [kWh].
        pv_memory: the same for PV.
        pv_alike_kwh: the same for PV [kWh].
        forecast_share: prior probability of Aurora's scenarios (`planner.forecasts.aurora`) together, against the days
            before; used where there are any, 0-1.
    """

    n_days: int = 7
    age_days: float | None = None
    weekday: float = 1.0
    persistence: float = PERSISTENCE
    fade: float = 0.85
    together: bool = True
    load_memory: float = 0.8
    load_alike_kwh: float = 0.5
    pv_memory: float = 0.8
    pv_alike_kwh: float = 0.5
    forecast_share: float = 0.0

    def prior(self) -> Energy | None:
        """Return the prior probability of each day back, the last one first `(n_days,)`; None for equal ones."""
        if self.age_days is None and self.weekday == 1:
            return None
        back = np.arange(self.n_days)
        weight = np.ones(self.n_days) if self.age_days is None else np.exp(-back / self.age_days)
        weight = weight * np.where((back + 1) % 7 == 0, self.weekday, 1.0)
        return weight / weight.sum()

    def document(self) -> dict[str, Any]:
        """Return the rules as a bundle's manifest stores them."""
        fields = asdict(self)
        return {_STORED_NAMES.get(name, name): value for name, value in fields.items()}

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> "WeightRules":
        """Return the rules that a bundle's manifest stores.

        Raises:
            TypeError: the document has an unknown rule.
            ValueError: it asks for no day, or for more than `MOST_DAYS`, which would fill the memory.
        """
        names = {stored: name for name, stored in _STORED_NAMES.items()}
        rules = cls(**{names.get(stored, stored): value for stored, value in document.items()})
        n_days: object = document.get("n_days", rules.n_days)
        if not isinstance(n_days, int) or isinstance(n_days, bool) or not 1 <= n_days <= MOST_DAYS:
            message = f"{n_days!r:.40} days back are no scenarios; 1 to {MOST_DAYS} are"
            raise ValueError(message)
        return rules


MOST_DAYS = 366
"""Days back that a stored rule may ask for; a manifest that asks for 10^9 must not be tried."""
_STORED_NAMES = {"forecast_share": "told_share"}  # names in manifests since version 0.1
NAIVE = WeightRules()


class ScenarioWeights:
    """Probabilities of scenarios, updated slot after slot.

    Args:
        scenarios: of the homes.
        rules: by which the day is compared with them.
    """

    def __init__(self, scenarios: Scenarios, rules: WeightRules = NAIVE) -> None:
        self.scenarios, self.rules = scenarios, rules
        self._load = np.zeros(scenarios.load_kwh.shape[:2])
        self._pv = np.zeros(scenarios.load_kwh.shape[:2])

    def observe(self, slot: int, load_kwh: Energy, pv_kwh: Energy) -> None:
        """Update by the readings of a slot, each `(n_homes,)`; slots must come in order [kWh]."""
        load_error = load_kwh[:, None] - self.scenarios.load_kwh[:, :, slot]
        pv_error = pv_kwh[:, None] - self.scenarios.pv_kwh[:, :, slot]
        if self.rules.together:
            self._load = self.rules.load_memory * self._load + load_error - pv_error
        else:
            self._load = self.rules.load_memory * self._load + load_error
            self._pv = self.rules.pv_memory * self._pv + pv_error

    @property
    def weights(self) -> Energy:
        """Probability of each scenario `(n_homes, n_scenarios)`."""
        unlike = (self._load / self.rules.load_alike_kwh) ** 2
        if not self.rules.together:
            unlike = unlike + (self._pv / self.rules.pv_alike_kwh) ** 2
        # Beside the least likelihood e^-100 is nothing, and numbers that are almost zero take 100 times as long.
        likelihood = np.exp(-0.5 * np.minimum(unlike, NEVER_ALIKE)) + LEAST_LIKELIHOOD
        if self.scenarios.prior is not None:
            likelihood = likelihood * self.scenarios.prior
        return likelihood / in_order(likelihood)[:, None]
