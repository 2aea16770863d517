"""Faults that a home has sooner or later, in the middle of a charge: what the battery does meanwhile and afterwards.

A scenario passes where the battery never charges with more than was commanded, what does not stand is told, the
command stands again or the default in its place once the fault is over, and the default stands in the end.
"""

from collections.abc import Callable
from datetime import timedelta

from benchmarks.simulated_inverters.controlled_inverter import DEFAULT, ControlledInverter, Powers
from benchmarks.simulated_inverters.scenarios import CLOSE_KW, Result, by_itself, charges

CHARGE_KW = 3.0
Fault = Callable[[ControlledInverter], None]


def _slow(home: ControlledInverter) -> None:
    """Show what is written only after twice the longest time that a profile allows."""
    home.inverter.slower_by = 180.0
    home.run(20)
    home.inverter.slower_by = 0.0


def _one_entity_deaf(home: ControlledInverter) -> None:
    """Refuse silently what is written to the modes, while the command changes."""
    home.inverter.deaf_to = {name for name in home.inverter.values if name.startswith(("select.", "switch."))}
    home.powers = Powers(discharge=1.0)
    home.run(16)
    home.inverter.deaf_to = set()
    home.powers = Powers(charge=CHARGE_KW)


def _rounds(home: ControlledInverter) -> None:
    """Round what is written to a fiftieth of its largest."""
    home.inverter.rounds = True
    home.powers = Powers(charge=2.9)
    home.run(16)
    home.inverter.rounds = False
    home.powers = Powers(charge=CHARGE_KW)


def _restarts(home: ControlledInverter) -> None:
    """Restart: be away for two minutes, and have forgotten everything."""
    home.inverter.away = True
    home.run(2)
    home.inverter.forget()
    home.inverter.away = False


def _other_unit(home: ControlledInverter) -> None:
    """Have somebody change the unit of the entities from W to kW."""
    home.inverter.in_kilowatts = True
    home.powers = Powers(charge=2.0)
    home.run(20)
    home.inverter.in_kilowatts = False
    home.powers = Powers(charge=CHARGE_KW)


def _away(home: ControlledInverter) -> None:
    """Be unavailable for twenty minutes."""
    home.inverter.away = True
    home.run(20)
    home.inverter.away = False


def _clock_steps(home: ControlledInverter) -> None:
    """Set the clock an hour on and two hours back, as a machine without a battery does."""
    for hours in (1, -2):
        home.clock.begin += timedelta(hours=hours)
        home.run(5)


def _killed(home: ControlledInverter) -> None:
    """Kill the service, and start it again a quarter of an hour later."""
    home.alive = False
    home.run(15)
    if not by_itself(home):
        home.told.append("the default does not stand")
    home.restart()


FAULTS: dict[str, Fault] = {
    "slow": _slow,
    "mode_deaf": _one_entity_deaf,
    "rounds": _rounds,
    "restarts": _restarts,
    "in_kw": _other_unit,
    "away": _away,
    "clock_steps": _clock_steps,
    "killed": _killed,
}


def fault_result(home: ControlledInverter, name: str) -> Result:
    """Let a fault happen in the middle of a charge."""
    home.powers = Powers(charge=CHARGE_KW)
    home.run(5)
    most: list[float] = []
    home.inverter.changed = lambda: most.append(home.inverter.flow(0.0, 0.0).charge)
    before = home.inverter.flow(0.0, 0.0).charge
    FAULTS[name](home)
    home.run(33)  # the next slot but one: what was given up is tried again
    achieved = charges(home)
    bounded = max(most, default=0.0) <= max(before, CHARGE_KW) + CLOSE_KW
    home.powers = DEFAULT
    home.run(20)
    ends = by_itself(home) and not home.settings_unlike_before() and not home.says("the default does not stand")
    writes = len(home.inverter.written)
    return Result(achieved and bounded and ends, told=bool(home.told) and bounded and ends, writes=writes)
