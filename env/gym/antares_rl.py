"""`AntaresRLEnv`: one home for a learner; `env.gym.antares_vector` is its batch, `env.gym.home_batch` steps both."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from env.errors import EpisodeError
from env.gym.actions import Actions
from env.gym.episodes import Episodes
from env.gym.home_batch import DEFAULT_SETUP, HomeBatch, Outcome, Setup
from env.gym.states import State


class AntaresRLEnv(gymnasium.Env[State, Any]):
    """A home with a battery, panels and hourly-changing prices; an episode is a local day, a step a quarter of an hour.

    Registered as `darkstar/AntaresRL-v1`, `darkstar/AntaresRL-v1_1` and `darkstar/AntaresRL-v2`, by state.

    **Observation.** `Box(float32, (n_columns,))`, at the start of a slot, on readings up to then. By version:

    - v1, 6 columns: time_of_day [h, 0-24], load_forecast, pv_forecast [kWh, 0-1000], soc [%, 0-100], import_price,
      export_price [money/kWh, -1e6 to 1e6] (`env.gym.states.PlainState`).
    - v1_1, 8 columns: those of v1, hours_until_end_of_day [h, 0-25], max_import_price_next_12h [money/kWh].
    - v2, 52 columns, scaled to -10 to 10 or 0 to 1 (`env.gym.scaled_state.ScaledState`); needs an outlook.

    **Action**, by `Setup.action` (`env.gym.actions`):

    - `commands`: `Discrete(26)`: self-consume, hold, sell surplus, discharge up to 1/8 to 7/8 of the power, charge at
      1/8 to 8/8, sell at 1/8 to 8/8 (`env.command_menu.MENU_NAMES`).
    - `powers`: `Box(-1, 1, (3,))`: charging, discharging, feeding the grid; -1 is none and 1 all there is.
    - `correction`: `Box(-1, 1, (1,))`: moves the marginal value of stored energy of the `value` policy; 0 is that
      policy.

    **What happens.** The command goes through `env.inverter`, which follows the house inside the slot and clamps to
    every limit; `Setup.gated` puts the price gate before it.

    **Reward** [money]. -(import x import price - export x export price + wear); in the last slot plus settlement value
    x (stored energy at the end - at the start). `against_baseline` adds the reference policy's cost of the slot.

    **Start.** A row of the episodes, drawn (or the next, `in_turn`); the protocol's stored energy, or any in the
    battery's range (`random_start`). `reset(options={"row": i})` selects a row.

    **End.** *Terminated* when the day is over, after 92, 96 or 100 steps: what is stored is settled, nothing comes
    after. *Truncated* only after `max_slots`, unsettled, where the day would have gone on.

    **Info.** `row`, `soc_kwh`; after a step also `cost`, `settlement`, `breach_kwh` [kWh], `command` [kW], `gated`.

    **Versions.** A version's columns, order and scales never change.

    Args:
        episodes: days to step through.
        state: `v1`, `v1_1` or `v2`.
        setup: actions, gate and rewards.

    Raises:
        EpisodeError: state or actions need what the episodes lack, or a step before a reset.
        ActionError: an action is no number or outside its space.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 - as Gymnasium declares it

    def __init__(
        self, episodes: Episodes, *, state: str, setup: Setup = DEFAULT_SETUP, render_mode: str | None = None
    ) -> None:
        if render_mode is not None:
            message = f"nothing is drawn here: render_mode must be None, got {render_mode!r}"
            raise EpisodeError(message)
        self.render_mode = None
        self.home = HomeBatch(episodes, 1, state=state, setup=setup)
        self.observation_space: spaces.Space[State] = self.home.observation_space
        self.action_space: spaces.Space[Any] = self.home.actions.space
        self._running = False

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[State, dict[str, Any]]:
        """Begin an episode; `options={"row": i}` says which."""
        super().reset(seed=seed)
        if seed is not None:
            self.home.reset_turns([0])
        row = None if options is None else options.get("row")
        self.home.restart([0], [self.np_random], rows=None if row is None else [int(row)])
        self._running = True
        return self.home.observe()[0], self._position_info()

    def step(self, action: Actions | int) -> tuple[State, float, bool, bool, dict[str, Any]]:
        """Live through a slot."""
        if not self._running:
            raise EpisodeError("the episode is over, or none has begun: call reset() before step()")
        outcome = self.home.step(np.asarray(action)[None])
        self._running = not bool(outcome.terminated[0] or outcome.truncated[0])
        info = self._position_info() | slot_info(outcome)
        return (
            self.home.observe()[0],
            float(outcome.reward[0]),
            bool(outcome.terminated[0]),
            bool(outcome.truncated[0]),
            info,
        )

    def _position_info(self) -> dict[str, Any]:
        return {"row": int(self.home.row[0]), "soc_kwh": float(self.home.soc_kwh[0])}


def slot_info(outcome: Outcome) -> dict[str, Any]:
    """Return the outcome of a slot in the first home, as plain numbers."""
    info: dict[str, Any] = {
        "cost": float(outcome.cost[0]),
        "settlement": float(outcome.settlement[0]),
        "breach_kwh": float(outcome.flows.breach_kwh[0]),
        "command": tuple(float(power[0]) for power in outcome.command),
    }
    if outcome.gated is not None:
        info["gated"] = bool(outcome.gated[0])
    return info
