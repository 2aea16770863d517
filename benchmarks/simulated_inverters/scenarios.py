"""The scenarios that every family goes through: each command, a deaf inverter, a service that dies, somebody's hand."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.simulated_inverters.controlled_inverter import DEFAULT, ControlledInverter, Powers
from benchmarks.simulated_inverters.simulated_inverter import BATTERY_KW, Description, Flow

CLOSE_KW = 0.15
"""Powers that are closer are the same: entities round to 100 W, to a whole ampere or percent [kW]."""
MOST_IN_A_DISPUTE = 24
"""Values written in two hours in which somebody changes one every six minutes; each would be 20 and more."""
EVENING, NOON = (2.0, 0.5), (0.5, 4.0)
"""Load and PV: more is used than made, or less [kW]."""


@dataclass(frozen=True)
class Result:
    """The outcome of a scenario.

    Attributes:
        achieved: whether the battery did what was commanded.
        told: whether what it did not was said, and what is nearest to it, or the default, stood in its place.
        writes: values written.
    """

    achieved: bool
    told: bool
    writes: int

    @property
    def passed(self) -> bool:
        """Return whether the command was achieved, or that it is not was told."""
        return self.achieved or self.told


Fits = Callable[[ControlledInverter], bool]


def _flow(home: ControlledInverter, at: tuple[float, float], *, full: bool = False) -> Flow:
    return home.inverter.flow(*at, full=full)


def by_itself(home: ControlledInverter) -> bool:
    """Return whether the inverter runs its own default: it covers the house, stores surplus, and sells what is left."""
    evening, noon, full = _flow(home, EVENING), _flow(home, NOON), _flow(home, NOON, full=True)
    covers = abs(evening.discharge - 1.5) < CLOSE_KW and evening.charge == 0
    return covers and noon.charge > 3.5 - CLOSE_KW and abs(full.exported - 3.5) < CLOSE_KW


def charges(home: ControlledInverter) -> bool:
    """Return whether it charges with 3 kW, or with a power of its own where that was told."""
    flow = _flow(home, EVENING)
    at_own_power = home.says("does not take a power") and flow.charge > 0
    return abs(flow.charge - 3.0) < CLOSE_KW or at_own_power


def _holds(home: ControlledInverter) -> bool:
    return _flow(home, EVENING).discharge < CLOSE_KW and _flow(home, EVENING).charge == 0


def _covers_a_part(home: ControlledInverter) -> bool:
    flow = _flow(home, EVENING)
    all_of_it = home.says("less than all its power") and by_itself(home)
    return abs(flow.discharge - 1.0) < CLOSE_KW or all_of_it


def _sells(home: ControlledInverter) -> bool:
    flow = _flow(home, EVENING)
    return flow.exported > 1.0 and flow.discharge <= 4.0 + CLOSE_KW


def _sells_surplus(home: ControlledInverter) -> bool:
    keeps = _flow(home, NOON).charge < CLOSE_KW and _flow(home, EVENING).discharge < CLOSE_KW
    return keeps or (home.says("cannot sell surplus") and _holds(home))


def _throttles(home: ControlledInverter) -> bool:
    sold = _flow(home, NOON, full=True).exported
    return sold < CLOSE_KW or home.says("not throttled")


COMMANDS: dict[str, tuple[Powers, Fits]] = {
    "charge": (Powers(charge=3.0), charges),
    "hold": (Powers(), _holds),
    "discharge": (Powers(discharge=1.0), _covers_a_part),
    "export": (Powers(discharge=4.0, export=4.0), _sells),
    "sell_surplus": (Powers(export=5.0), _sells_surplus),
    "throttle": (Powers(discharge=BATTERY_KW, throttled=True), _throttles),
}


def command_result(home: ControlledInverter, name: str) -> Result:
    """Command something for half an hour behind another command, look, then command the default and look again."""
    powers, fits = COMMANDS[name]
    home.powers = Powers(charge=2.0) if name != "charge" else Powers()
    home.run(3)
    before, home.told = len(home.inverter.written), []
    home.powers = powers
    home.run(30)
    said, home.told = home.told, []
    achieved = fits(home)
    home.told = said
    told = fits(home) or (home.says("cannot") and by_itself(home))
    home.powers = DEFAULT
    home.run(3)
    return Result(achieved and by_itself(home), told and by_itself(home), len(home.inverter.written) - before)


def default_result(home: ControlledInverter) -> Result:
    """Kill the service in the middle of a charge: the guard has to restore the default and all values of the home."""
    home.powers = Powers(charge=3.0, throttled=True)
    home.run(5)
    home.alive = False
    home.run(12)
    unlike = home.settings_unlike_before()
    return Result(by_itself(home) and not unlike, told=False, writes=len(home.inverter.written))


def deaf_result(home: ControlledInverter) -> Result:
    """Have the inverter ignore what is written: the default stands as it did, and it is told."""
    home.inverter.deaf = True
    home.powers = Powers(charge=3.0)
    home.run(60)
    return Result(achieved=False, told=bool(home.told) and by_itself(home), writes=len(home.inverter.written))


def hand_result(home: ControlledInverter) -> Result:
    """Have somebody turn a charge off again and again: it is told, and no war of writes comes of it."""
    home.powers = Powers(charge=3.0)
    home.run(8)
    before = len(home.inverter.written)
    entity, value = home.entity_to_take_over()
    for _ in range(20):
        home.inverter.by_hand(entity, value)
        home.run(6)
    writes = len(home.inverter.written) - before
    told = home.says("somebody else") and home.says("stands back") and by_itself(home)
    return Result(achieved=False, told=told and writes <= MOST_IN_A_DISPUTE, writes=writes)


def day_writes(home: ControlledInverter) -> int:
    """Return the values written on a day with a new command every hour."""
    menu = list(COMMANDS.values())
    for hour in range(24):
        home.powers = menu[hour % len(menu)][0]
        home.run(60)
    return len(home.inverter.written)


def results(description: Description, folder: Path) -> dict[str, Result]:
    """Return the outcome of every scenario for a family, each with an inverter of its own."""
    found = {name: command_result(ControlledInverter(folder / name, description), name) for name in COMMANDS}
    others = {"default": default_result, "refuse": deaf_result, "take_over": hand_result}
    return found | {name: run(ControlledInverter(folder / name, description)) for name, run in others.items()}
