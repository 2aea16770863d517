"""The scenarios of the arena: the faults of before, those of a control that must end by itself, and pairs of them."""

from dataclasses import dataclass, replace
from typing import Literal

from benchmarks.fault_injection import arena_faults as act
from benchmarks.fault_injection.arena_faults import GUARD_ACTED, ArenaFault
from benchmarks.fault_injection.arena_home import Setting

Kind = Literal["before", "single", "pair"]


@dataclass(frozen=True)
class Scenario:
    """One or two faults of a home.

    Attributes:
        kind: `before` where `benchmarks faults` has it too.
        setting: where the home's processes run.
        faults: the faults, put in one after the other; each stays.
        name: in words; empty for the names of its faults.
    """

    kind: Kind
    setting: Setting
    faults: tuple[ArenaFault, ...]

    @property
    def name(self) -> str:
        """The scenario in words."""
        return " + ".join(fault.name for fault in self.faults)

    @property
    def shared(self) -> bool:
        """Whether Home Assistant itself has a fault."""
        return any(fault.shared for fault in self.faults)

    @property
    def switch(self) -> bool:
        """Whether only the dead man's switch can help."""
        return any(fault.switch for fault in self.faults)


KILLED = ArenaFault(name="service killed", inject=act.kill_service, tells=GUARD_ACTED, ends=True)

SCENARIOS = (Scenario("single", "processes", (KILLED,)),)


def scenarios(*, short: bool, systemd: bool) -> list[Scenario]:
    """Return the scenarios of a run.

    Args:
        short: whether a representative tenth is wanted.
        systemd: whether a systemd can be run; elsewhere PID namespaces with a small supervisor take its place.
    """
    del short
    return [
        scenario if systemd or scenario.setting != "systemd" else replace(scenario, setting="containers")
        for scenario in SCENARIOS
    ]
