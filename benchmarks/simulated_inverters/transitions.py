"""The way from one command to the next: what the battery does while only a part of the values is written.

Watched where the house draws nothing and the panels make nothing: covering the house and storing surplus are then
nothing too, and what is left is what the inverter is forced to do.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.simulated_inverters.controlled_inverter import ControlledInverter, Powers
from benchmarks.simulated_inverters.scenarios import CLOSE_KW
from benchmarks.simulated_inverters.simulated_inverter import BATTERY_KW, Description

SETTINGS: dict[str, Powers] = {
    "default": Powers(discharge=BATTERY_KW),
    "charge a little": Powers(charge=0.5),
    "charge": Powers(charge=4.0),
    "hold": Powers(),
    "cover a part": Powers(discharge=1.0),
    "sell a little": Powers(discharge=0.5, export=0.5),
    "sell": Powers(discharge=4.0, export=4.0),
    "sell surplus": Powers(export=BATTERY_KW),
}
MINUTES = 3.0


@dataclass
class _Most:
    """The most that was charged and discharged by force [kW]."""

    charge: float = 0.0
    discharge: float = 0.0

    def take(self, home: ControlledInverter) -> None:
        """Look at what the battery is forced to do now."""
        flow = home.inverter.flow(0.0, 0.0)
        self.charge, self.discharge = max(self.charge, flow.charge), max(self.discharge, flow.discharge)


@dataclass
class Walk:
    """An inverter that is led from command to command.

    Attributes:
        strays: the ways on which it did more than at either end.
        writes: values written.
    """

    home: ControlledInverter
    strays: list[str] = field(default_factory=list[str])

    def go(self, before: str, after: str) -> None:
        """Go from one command to another, and note whether the battery did more on the way than at either end."""
        self.home.powers = SETTINGS[before]
        self.home.run(MINUTES)
        ends, way = _Most(), _Most()
        ends.take(self.home)
        self.home.inverter.changed = lambda: way.take(self.home)
        self.home.powers = SETTINGS[after]
        self.home.run(MINUTES)
        self.home.inverter.changed = lambda: None
        ends.take(self.home)
        for what in ("charge", "discharge"):
            most = getattr(way, what)
            if most > getattr(ends, what) + CLOSE_KW:
                self.strays.append(f"{before} -> {after}: {what}s {most:.1f} kW")


def ways() -> Iterator[tuple[str, str]]:
    """Yield every pair of commands."""
    return ((before, after) for before in SETTINGS for after in SETTINGS if before != after)


def strays(description: Description, folder: Path) -> list[str]:
    """Return the ways between two commands on which a family's battery does more than at either end."""
    walk = Walk(ControlledInverter(folder, description, budget=5000))
    for before, after in ways():
        walk.go(before, after)
    return walk.strays
