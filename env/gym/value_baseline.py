"""Cost-to-go of the uncorrected policy on the day's readings: the baseline of a learner's reward.

A slot's gain against it is `what the slot brought + prospects after - prospects before`. Summed over a day that is what
the day brought less what the uncorrected policy would have brought from the same start, and while nothing is corrected
it is 0: prices, load and weather, which swamp everything else, cancel. As a difference of potentials it changes no
policy's rank (Ng, Harada & Russell, "Policy invariance under reward transformations", 1999). It knows the day's future,
so only rewards may use it, never a state or an action.
"""

import numpy as np

from env.fleet import Fleet
from env.gym.correction_table import CorrectionTable
from env.gym.episodes import Episodes
from env.gym.home_batch import Outcome
from env.gym.states import Moment
from env.inverter import Energy, apply_command
from env.simulator import flows_cost
from env.types import Index


class ValueBaseline:
    """Value-to-go of the uncorrected policy, settlement included, on the grid of a table of corrections.

    Args:
        episodes: the days.
        table: table of these episodes, whose grid and uncorrected choices are used.
    """

    def __init__(self, episodes: Episodes, table: CorrectionTable) -> None:
        self._table, self._width = table, episodes.width
        self._value = _value_to_go(episodes, table)

    def advantage(self, before: Moment, outcome: Outcome) -> Energy:
        """Return the advantage of a slot over no correction `(n_homes,)` [money].

        Args:
            before: the slot's start.
            outcome: the slot's outcome.
        """
        post = before.at + before.row  # there is one fence post more a row than slots
        after = self._at(post + 1, before.row, outcome.flows.soc_end_kwh)
        return after - self._at(post, before.row, before.soc_kwh) - outcome.cost

    def _at(self, post: Index, row: Index, soc_kwh: Energy) -> Energy:
        n_soc = self._table.n_soc
        steps = (soc_kwh - self._table.low.take(row)) / self._table.step.take(row)
        low = np.clip(np.floor(steps), 0, n_soc - 2).astype(np.intp)
        flat, place = self._value.reshape(-1), post * n_soc + low
        below = flat.take(place)
        return below + (steps - low) * (flat.take(place + 1) - below)


def _value_to_go(episodes: Episodes, table: CorrectionTable) -> Energy:
    """Money still to come at each fence post and point of stored energy `(n_episodes, width + 1, n_soc)`."""
    n_rows, width, n_soc = len(episodes), episodes.width, table.n_soc
    row = np.repeat(np.arange(n_rows), n_soc)
    soc = (table.low[:, None] + np.arange(n_soc) * table.step[:, None]).reshape(-1)
    battery, limits = Fleet(episodes.sites).of(episodes.home[row])
    settled = episodes.settlement_value[row] * soc
    value = np.empty((n_rows, width + 1, n_soc))
    value[:, -1] = settled.reshape(n_rows, n_soc)
    inside = np.repeat(episodes.inside, n_soc, axis=0)
    uncorrected = table.choices.reshape(n_rows, width, n_soc, table.n_levels)[..., table.n_levels // 2]
    for slot in reversed(range(width)):
        moment = Moment(row, row * width + slot, np.zeros(len(row), dtype=np.bool_), soc)
        load, pv, import_price, export_price = (
            each[row, slot]
            for each in (episodes.load_kwh, episodes.pv_kwh, episodes.import_price, episodes.export_price)
        )
        flows = apply_command(
            table.command_of(uncorrected[:, slot].reshape(-1), moment),
            load_kwh=load,
            pv_kwh=pv,
            soc_kwh=soc,
            export_price=export_price,
            battery=battery,
            limits=limits,
        )
        steps = (flows.soc_end_kwh - table.low[row]) / table.step[row]
        low = np.clip(np.floor(steps), 0, n_soc - 2).astype(np.intp)
        later = value[:, slot + 1].reshape(-1)
        below = later.take(row * n_soc + low)
        value_after = below + (steps - low) * (later.take(row * n_soc + low + 1) - below)
        gained = value_after - flows_cost(flows, import_price, export_price, battery)
        value[:, slot] = np.where(inside[:, slot], gained, settled).reshape(n_rows, n_soc)
    return value
