"""Training days of reinforcement learning: corrections are looked up in a table, slots rewarded by their advantage.

Built once for all rounds and members. What does not belong here: the score of a policy, which is always by the exact
form of the correction and in money (`planner.training.scoring.episode_costs`).
"""

from env.gym.actions import Correction
from env.gym.correction_table import CorrectionTable
from env.gym.day_statistics import price_level
from env.gym.episodes import Episodes
from env.gym.home_batch import Outcome, Setup
from env.gym.scaled_state import V2
from env.gym.states import Moment
from env.gym.value_baseline import ValueBaseline
from env.inverter import Energy
from env.time_grid import SLOT_HOURS
from planner.training.rl_config import PpoTraining

STATE = "v2"


class TrainingDays:
    """Days, table of corrections and reward, shared by all members.

    Args:
        episodes: the days, with an outlook.
        config: configuration: the sizes of the table.

    Raises:
        EpisodeError: the days lack an outlook.
    """

    def __init__(self, episodes: Episodes, config: PpoTraining) -> None:
        self.episodes, self.correction = episodes, Correction(offset=config.offset)
        self.columns = tuple(column.name for column in V2)
        self.setup = Setup(action="correction", correction=self.correction, random_start=True)
        self.actions = CorrectionTable(
            episodes, self.correction, n_soc=config.n_soc, n_levels=config.n_levels, threads=config.threads
        )
        self._baseline = ValueBaseline(episodes, self.actions)
        self._unit = 1.0 / _money_a_slot(episodes)

    def reward(self, before: Moment, outcome: Outcome) -> Energy:
        """Return a slot's advantage, in units of what a slot of full power moves on a mean day `(n_homes,)`."""
        return self._baseline.advantage(before, outcome) * self._unit


def _money_a_slot(episodes: Episodes) -> float:
    """Return the mean over the days of price spread x energy that the battery moves in a slot [money]."""
    _, spread = price_level(episodes)
    power = episodes.site_values(lambda site: max(site.battery.charge_kw, site.battery.discharge_kw))
    return max(float((spread * power * SLOT_HOURS).mean()), 1e-9)
