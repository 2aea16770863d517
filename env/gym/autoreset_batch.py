"""A batch that begins another episode as soon as one is over, with the totals of each.

Both adapters for learners, Gymnasium's and Stable-Baselines3's, use it. Autoreset is of the same step: where an
episode ended, the observation returned is the next one's first, and the ended one's last stands apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from env.gym.actions import ActionForm, Actions
from env.gym.episodes import Episodes
from env.gym.home_batch import DEFAULT_SETUP, HomeBatch, Outcome, Setup
from env.gym.states import State
from env.inverter import Energy
from env.types import Index


@dataclass(frozen=True, kw_only=True)
class FinishedEpisodes:
    """Episodes that ended with a slot.

    Attributes:
        homes: homes in which they ended `(n,)`.
        rows: rows of the episodes `(n,)`.
        observations: last observations `(n, n_columns)`.
        cost: evaluation cost: slots' costs less settlement, nothing else `(n,)` [money].
        reward: sum of the training rewards `(n,)` [money].
        slots: number of slots stepped `(n,)`.
        gated: slots whose command the gate changed `(n,)`.
    """

    homes: Index
    rows: Index
    observations: State
    cost: Energy
    reward: Energy
    slots: Index
    gated: Energy


class EpisodeTotals:
    """Sums of every home's episode so far."""

    def __init__(self, n_homes: int) -> None:
        self._sums = {name: np.zeros(n_homes) for name in ("cost", "reward", "gated")}

    def add(self, outcome: Outcome) -> None:
        """Add the outcome of a slot."""
        self._sums["cost"] += outcome.cost
        self._sums["cost"] -= outcome.settlement
        self._sums["reward"] += outcome.reward
        if outcome.gated is not None:
            self._sums["gated"] += outcome.gated

    def totals_for(self, homes: Index) -> dict[str, Energy]:
        """Return the sums of some homes, by name."""
        return {name: total[homes] for name, total in self._sums.items()}

    def clear(self, homes: Index) -> None:
        """Reset the sums of some homes."""
        for total in self._sums.values():
            total[homes] = 0.0


class AutoresetBatch:
    """A batch of homes that never ends.

    Args:
        episodes: days to step through.
        n_homes: number of homes side by side.
        state: `v1`, `v1_1` or `v2`.
        setup: actions, gate and rewards.
        actions: as for `HomeBatch`.
    """

    def __init__(
        self,
        episodes: Episodes,
        n_homes: int,
        *,
        state: str,
        setup: Setup = DEFAULT_SETUP,
        actions: ActionForm | None = None,
    ) -> None:
        self.batch = HomeBatch(episodes, n_homes, state=state, setup=setup, actions=actions)
        self.randoms = [np.random.default_rng(home) for home in range(n_homes)]
        self._totals = EpisodeTotals(n_homes)

    def reset(
        self, randoms: Sequence[np.random.Generator | None] | None = None, *, rows: Sequence[int] | None = None
    ) -> State:
        """Begin an episode in every home.

        Args:
            randoms: random numbers to go on with, one a home; None, or None in a home's place, keeps those there are.
            rows: episodes to begin with, one a home; None draws them.
        """
        if randoms is not None:
            self.batch.reset_turns(np.flatnonzero([given is not None for given in randoms]))
            kept = zip(randoms, self.randoms, strict=True)
            self.randoms = [own if given is None else given for given, own in kept]
        everyone = np.arange(self.batch.n_homes)
        self.batch.restart(everyone, self.randoms, rows=rows)
        self._totals.clear(everyone)
        return self.batch.observe()

    def step(self, actions: Actions) -> tuple[State, Outcome, FinishedEpisodes | None]:
        """Live through a slot; where an episode ends, another begins.

        Returns:
            What is seen now, what the slot brought, and the episodes that ended, if any did.
        """
        outcome = self.batch.step(actions)
        self._totals.add(outcome)
        homes = np.flatnonzero(outcome.terminated | outcome.truncated)
        seen = self.batch.observe()
        if not len(homes):
            return seen, outcome, None
        ended = self._finished(homes, seen)
        self.batch.restart(homes, self.randoms)
        self._totals.clear(homes)
        return self.batch.observe(), outcome, ended

    def _finished(self, homes: Index, seen: State) -> FinishedEpisodes:
        return FinishedEpisodes(
            homes=homes,
            rows=self.batch.row[homes],
            observations=seen[homes],
            slots=self.batch.slot[homes],
            **self._totals.totals_for(homes),
        )
