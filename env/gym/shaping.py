"""Shaping of the training reward: named, weighted terms beside the money, reported one by one.

None of them is part of a cost that policies are judged by. The one that is potential-based changes no policy's rank
(Ng, Harada & Russell, "Policy invariance under reward transformations", 1999): it pays at once for what stored energy
will bring, and takes the same back when the day ends.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from env.gym.day_statistics import median, of_days
from env.gym.episodes import Episodes
from env.gym.states import Moment
from env.inverter import Energy, Flows

CHEAP = 0.8  # of the day's median import price: below, discharging is called a waste
TERMS = ("cheap_discharge", "terminal_soc", "potential", "breach")


@dataclass(frozen=True, kw_only=True)
class Shaping:
    """Weights of the terms; 0 leaves a term out.

    Attributes:
        cheap_discharge: taken off per kWh discharged in a slot that costs less than 0.8 x the day's median
            [money/kWh].
        terminal_soc: taken off at the day's end per kWh that stored energy ends away from its start [money/kWh].
        potential: weight of `discount x potential after - potential before`, where the potential is the stored energy
            at its settlement value, and 0 when the day is over; 1 pays for energy when it is stored.
        breach: taken off per kWh drawn above the fuse [money/kWh].
        discount: the learner's, for the potential.
    """

    cheap_discharge: float = 0.0
    terminal_soc: float = 0.0
    potential: float = 0.0
    breach: float = 0.0
    discount: float = 1.0


UNSHAPED = Shaping()


class ShapingTerms:
    """The terms over some episodes.

    Args:
        episodes: rows and their prices.
        weights: of the terms.
    """

    def __init__(self, episodes: Episodes, weights: Shaping) -> None:
        self.weights = weights
        self.names = tuple(name for name in TERMS if getattr(weights, name) != 0)
        half = of_days(episodes, episodes.import_price, median)
        self._cheap = (episodes.import_price < CHEAP * half[:, None]).reshape(-1)
        self._worth = episodes.settlement_value

    def of(self, before: Moment, flows: Flows, *, ended: NDArray[np.bool_], start_soc_kwh: Energy) -> dict[str, Energy]:
        """The weighted terms of a slot, each `(n_homes,)`, to be added to the reward [money].

        Args:
            before: the slot's start.
            flows: what happened.
            ended: whether the day is over with this slot.
            start_soc_kwh: stored energy at the episode's start [kWh].
        """
        return {name: getattr(self, f"_{name}")(before, flows, ended, start_soc_kwh) for name in self.names}

    def _cheap_discharge(self, before: Moment, flows: Flows, ended: NDArray[np.bool_], start: Energy) -> Energy:
        del ended, start
        return -self.weights.cheap_discharge * np.where(self._cheap.take(before.at), flows.discharge_kwh, 0.0)

    def _terminal_soc(self, before: Moment, flows: Flows, ended: NDArray[np.bool_], start: Energy) -> Energy:
        del before
        return -self.weights.terminal_soc * np.where(ended, np.abs(flows.soc_end_kwh - start), 0.0)

    def _potential(self, before: Moment, flows: Flows, ended: NDArray[np.bool_], start: Energy) -> Energy:
        del start
        worth = self._worth.take(before.row)
        after = np.where(ended, 0.0, worth * flows.soc_end_kwh)
        return self.weights.potential * (self.weights.discount * after - worth * before.soc_kwh)

    def _breach(self, before: Moment, flows: Flows, ended: NDArray[np.bool_], start: Energy) -> Energy:
        del before, ended, start
        return -self.weights.breach * flows.breach_kwh
