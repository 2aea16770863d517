"""Scenarios: equally long courses of load and PV that a span may take, with how likely each is beforehand."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from env.inverter import Energy


@dataclass(frozen=True)
class Scenarios:
    """Courses of load and PV of any number of homes or days.

    Attributes:
        load_kwh: `(n_homes, n_scenarios, n_slots)` [kWh].
        pv_kwh: `(n_homes, n_scenarios, n_slots)` [kWh].
        prior: probability of each scenario at the start, 1 in sum `(n_homes, n_scenarios)`; None for equal ones.
    """

    load_kwh: Energy
    pv_kwh: Energy
    prior: Energy | None = None

    @property
    def form(self) -> tuple[int, int, bool]:
        """Number of scenarios and slots, and whether there is a prior: homes that agree in it can be joined."""
        return (*self.load_kwh.shape[1:], self.prior is None)

    def part(self, homes: slice) -> "Scenarios":
        """Return the scenarios of some of the homes."""
        return Scenarios(self.load_kwh[homes], self.pv_kwh[homes], None if self.prior is None else self.prior[homes])

    def head(self, n_slots: int) -> "Scenarios":
        """Return their first slots: of a day whose prices end before it does."""
        return Scenarios(self.load_kwh[:, :, :n_slots], self.pv_kwh[:, :, :n_slots], self.prior)


def joined_scenarios(parts: Sequence[Scenarios]) -> Scenarios:
    """Concatenate homes; all have equally many scenarios and slots, and all have a prior or none has."""
    priors = [part.prior for part in parts if part.prior is not None]
    load, pv = (np.concatenate([getattr(part, name) for part in parts]) for name in ("load_kwh", "pv_kwh"))
    return Scenarios(load, pv, np.concatenate(priors) if priors else None)


def stretched(part: Energy, n_slots: int) -> Energy:
    """Return the first slots of each scenario, its last repeated where a day is longer by a clock change."""
    longer = np.repeat(part[:, :, -1:], max(n_slots - part.shape[2], 0), axis=2)
    return np.concatenate([part[:, :, :n_slots], longer], axis=2)
