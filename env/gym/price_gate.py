"""Price-aware gate: no discharging where the day is cheap, no charging where it is dear. An optional part of a policy.

A slot is classified by the quantiles of its day's import prices other than zero. The gate is no rule of the battery's:
it is off by default, and its changes are reported.
"""

import numpy as np

from env.gym.day_statistics import by_day
from env.gym.episodes import Episodes
from env.inverter import Command, Energy
from env.types import Index, Mask

QUANTILES = (0.25, 0.5, 0.75)
CLEARLY_CHEAP_SHARE = 0.8  # of the median: cheaper than that is no time to discharge, whatever the quarter


def price_quantiles(prices: Energy) -> Energy:
    """Quartiles of each row's prices that are not zero `(n, 3)`; not a number where all are zero [money/kWh]."""
    found = np.full((len(prices), len(QUANTILES)), np.nan)
    for row, own in enumerate(prices):
        if (paid := own[own != 0]).size:
            found[row] = np.quantile(paid, QUANTILES)
    return found


class PriceGate:
    """The gate over some episodes.

    Args:
        episodes: rows and their prices.
    """

    def __init__(self, episodes: Episodes) -> None:
        low, half, high = by_day(episodes, episodes.import_price, price_quantiles).T[:, :, None]
        price = episodes.import_price
        self._cheap = (price <= low).reshape(-1)
        self._dear = ((price >= high) & (price > low)).reshape(-1)
        self._clearly_cheap = (price < CLEARLY_CHEAP_SHARE * half).reshape(-1)

    def gated(self, command: Command, at: Index) -> tuple[Command, Mask]:
        """Let through what the price allows.

        In a cheap slot that is charging only, in a dear one discharging only, in between the larger of the two; and
        never a mere discharge where it is clearly cheap.

        Args:
            command: each `(n_homes,)` [kW].
            at: place of the slot in flattened tables `(n_homes,)`.

        Returns:
            The command, and where it was changed `(n_homes,)`.
        """
        charge, discharge, export = command
        cheap, dear = self._cheap.take(at), self._dear.take(at)
        charges = charge >= discharge
        kept_charge = np.where(dear | (~cheap & ~charges), 0.0, charge)
        kept_discharge = np.where(cheap | (~dear & charges), 0.0, discharge)
        kept_discharge = np.where(self._clearly_cheap.take(at) & (kept_charge == 0), 0.0, kept_discharge)
        changed = (kept_charge != charge) | (kept_discharge != discharge)
        return Command(kept_charge, kept_discharge, export), changed
