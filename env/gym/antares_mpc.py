"""`AntaresMPCEnv`: a replay of MPC, day by day, whose commands can be overridden slot by slot.

Planning belongs to `planner`: the environment takes a planner of each day, such as those of
`planner.replay.episodes.mpc_planners`.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias

import gymnasium
import numpy as np
from gymnasium import spaces

from env.errors import ActionError, EpisodeError
from env.gym.antares_rl import slot_info
from env.gym.episodes import Episodes
from env.gym.home_batch import HomeBatch, Setup
from env.gym.states import State
from env.inverter import MOST_KW, Command

IN_TURN = Setup(in_turn=True)
OVERRIDE = ("battery_charge_kw", "battery_discharge_kw", "export_kw")


class SlotPlanner(Protocol):
    """Decides at the start of each slot of a day; slots come in order."""

    def command(self, slot: int, soc_kwh: float, last_load: float | None, last_pv: float | None) -> Command:
        """Return the command for a slot, on readings up to its start."""
        ...


PlannerOfRow: TypeAlias = Callable[[int], SlotPlanner]
"""Episode row -> a fresh planner for its day."""


class AntaresMPCEnv(gymnasium.Env[State, Any]):
    """A home run by MPC; an episode is a local day, a step a quarter of an hour.

    Registered as `darkstar/AntaresMPC-v1`.

    **Observation.** State v1_1, `Box(float32, (8,))`: time_of_day [h], load_forecast, pv_forecast [kWh], soc [%],
    import_price, export_price [money/kWh], hours_until_end_of_day [h], max_import_price_next_12h [money/kWh].

    **Action.** None: MPC's command is applied. Or an override, `Dict` of three `Box(0, 1e6, (), float32)`,
    `{battery_charge_kw, battery_discharge_kw, export_kw}` [kW], applied instead; the inverter clamps it. MPC decides in
    every slot, so that it continues from whatever was applied.

    **Reward** [money]. -(import x import price - export x export price + wear) of the slot, nothing else. What is left
    in the battery is in the last slot's `info["settlement"]`: the day's cost is the sum of `cost` less it.

    **Start, end, info** as `env.gym.antares_rl.AntaresRLEnv`; the days come in turn unless `reset(options={"row": i})`
    selects one. Info also has `mpc_command`, MPC's command [kW], and `overridden`.

    Args:
        episodes: days to step through.
        planner: returns the planner of a row's day.

    Raises:
        EpisodeError: a step before a reset.
        ActionError: an override lacks a power, or has an invalid one.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 - as Gymnasium declares it

    def __init__(self, episodes: Episodes, planner: PlannerOfRow, *, render_mode: str | None = None) -> None:
        if render_mode is not None:
            message = f"nothing is drawn here: render_mode must be None, got {render_mode!r}"
            raise EpisodeError(message)
        self.render_mode = None
        self.home = HomeBatch(episodes, 1, state="v1_1", setup=IN_TURN)
        self._planner_of = planner
        self._planner: SlotPlanner | None = None
        self.observation_space: spaces.Space[State] = self.home.observation_space
        power: dict[str, spaces.Space[Any]] = {
            name: spaces.Box(0.0, MOST_KW, (), dtype=np.float32) for name in OVERRIDE
        }
        self.action_space: spaces.Space[Any] = spaces.Dict(power)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[State, dict[str, Any]]:
        """Begin an episode; `options={"row": i}` says which."""
        super().reset(seed=seed)
        if seed is not None:
            self.home.reset_turns([0])
        row = None if options is None else options.get("row")
        self.home.restart([0], [self.np_random], rows=None if row is None else [int(row)])
        self._planner = self._planner_of(int(self.home.row[0]))
        return self.home.observe()[0], self._position_info()

    def step(self, action: Mapping[str, Any] | None) -> tuple[State, float, bool, bool, dict[str, Any]]:
        """Live through a slot as MPC says, or as the override says."""
        if self._planner is None:
            raise EpisodeError("the episode is over, or none has begun: call reset() before step()")
        planned = self._planned_command(self._planner)
        command = planned if action is None else override(action)
        outcome = self.home.run(Command(*(np.reshape(power, 1) for power in command)), self.home.moment)
        if outcome.terminated[0]:
            self._planner = None
        info = self._position_info() | slot_info(outcome)
        info |= {"mpc_command": tuple(float(power) for power in planned), "overridden": action is not None}
        return self.home.observe()[0], -float(outcome.cost[0]), bool(outcome.terminated[0]), False, info

    def _planned_command(self, planner: SlotPlanner) -> Command:
        episodes, row, slot = self.home.episodes, int(self.home.row[0]), int(self.home.slot[0])
        last = (float(table[row, slot - 1]) if slot else None for table in (episodes.load_kwh, episodes.pv_kwh))
        return planner.command(slot, float(self.home.soc_kwh[0]), *last)

    def _position_info(self) -> dict[str, Any]:
        return {"row": int(self.home.row[0]), "soc_kwh": float(self.home.soc_kwh[0])}


def override(action: Mapping[str, Any]) -> Command:
    """Return an override as a command [kW].

    Raises:
        ActionError: a power is missing, unknown, negative or no number.
    """
    if set(action) != set(OVERRIDE):
        message = f"an override has {', '.join(OVERRIDE)}, got {', '.join(map(str, action))}"
        raise ActionError(message)
    powers = [np.asarray(action[name], dtype=np.float64) for name in OVERRIDE]
    for name, power in zip(OVERRIDE, powers, strict=True):
        if power.size != 1 or not np.isfinite(power).all() or power.min() < 0:
            message = f"{name} must be one finite power of at least 0 kW, got {power.tolist()}"
            raise ActionError(message)
    return Command(*powers)
