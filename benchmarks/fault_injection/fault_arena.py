"""The fault arena: homes whose inverter charges, in a real Home Assistant, and one or two faults in each.

In every one the inverter has to be at its default within the lease and thirty seconds (counted from the end of a fault
that keeps everybody from setting it), or, where nothing of ours lives or reaches Home Assistant, by the dead man's
switch a minute later; nothing of ours may crash; and health or the guard's file has to tell each fault.
"""

import queue
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.progress import track

from benchmarks.fault_injection.arena_assistant import ArenaAssistant, Outage
from benchmarks.fault_injection.arena_faults import ArenaFault
from benchmarks.fault_injection.arena_home import LEASE_SECONDS, ArenaHome
from benchmarks.fault_injection.arena_scenarios import Scenario
from benchmarks.fault_injection.faulty_link import LinkLoop
from benchmarks.fault_injection.shifted_clock import clock_library, clock_variables, shift_clock
from benchmarks.homes.fresh_home import FreshHome

BEYOND_LEASE = 30.0
SWITCH_MARGIN = 60.0
LAST_SIGNS = 8.0


@dataclass(frozen=True)
class Verdict:
    """The result of a scenario.

    Attributes:
        scenario: the scenario.
        seconds: time of the default after the lease or the fault had ended, whichever was later [s]; None for never.
        untold: faults that nothing told.
        crashes: what ended by itself.
        trouble: why it could not be tried, or another expectation that failed; empty where nothing is wrong.
        signs: what was told.
    """

    scenario: Scenario
    seconds: float | None
    untold: tuple[str, ...] = ()
    crashes: tuple[str, ...] = ()
    trouble: str = ""
    signs: Mapping[str, str] | None = None

    @property
    def limit(self) -> float:
        """Longest time that is allowed after the lease or the fault [s]."""
        return BEYOND_LEASE + (SWITCH_MARGIN if self.scenario.switch else 0.0)

    @property
    def broken(self) -> str:
        """Return what was not as promised, in words; empty where everything was."""
        parts = [self.trouble]
        if not self.trouble and (self.seconds is None or self.seconds > self.limit):
            when = "never" if self.seconds is None else f"{self.seconds:.0f} s after its lease"
            parts.append(f"the inverter was at its default {when}")
        parts += [f"nothing tells: {name}" for name in self.untold]
        parts += self.crashes
        return "; ".join(part for part in parts if part)


@dataclass
class Arena:
    """Home Assistant, the homes that are free, and what all need.

    Attributes:
        assistant: Home Assistant.
        free: homes in which nothing goes on.
        library: shifts clocks; None where it cannot be compiled.
        guard: command of the guard in the place of the project's; empty for that.
    """

    assistant: ArenaAssistant
    free: "queue.Queue[ArenaHome]"
    library: Path | None
    guard: tuple[str, ...] = ()

    def verdict(self, scenario: Scenario) -> Verdict:
        """Try a scenario in a home that is free."""
        home = self.free.get()
        try:
            return self._tried(home, scenario)
        except Exception as error:  # noqa: BLE001 - one scenario that fails leaves the others
            return Verdict(scenario, None, trouble=f"could not be tried: {type(error).__name__}: {error}")
        finally:
            home.end()
            self.free.put(home)

    def _tried(self, home: ArenaHome, scenario: Scenario) -> Verdict:
        trouble = self._begun(home, scenario)
        if trouble:
            if scenario.shared and self.assistant.outage is not None:
                self.assistant.outage.leave()
            return Verdict(scenario, None, trouble=f"could not be tried: {trouble}")
        since, untold = time.monotonic(), list[ArenaFault]()
        for fault in scenario.faults:
            since = time.monotonic() if fault.ends or fault.switch else since
            fault.inject(home)
            if not home.watch(lambda fault=fault: _told(home, fault), fault.notice):
                untold.append(fault)
            home.watch(lambda: False, fault.settles)
        healed = self._healed(home, scenario)
        if not any(fault.ends for fault in scenario.faults):
            since = time.monotonic()
            home.machine.kill_service()
            home.look()
        seconds = self._default_after(home, scenario, since, healed)
        home.watch(lambda: all(_told(home, fault) for fault in untold), LAST_SIGNS)
        if any(fault.refused for fault in scenario.faults):
            home.machine.forgive()
        return Verdict(
            scenario,
            seconds,
            untold=tuple(fault.name for fault in untold if not _told(home, fault)),
            crashes=tuple(home.machine.crashes()),
            trouble=_left(home),
            signs=dict(home.seen.signs),
        )

    def _begun(self, home: ArenaHome, scenario: Scenario) -> str:
        """Start a home for a scenario; return why it does not steer."""
        variables: dict[str, str] = {}
        if any(fault.clock for fault in scenario.faults):
            if self.library is None:
                return "no C compiler for a clock that can be shifted"
            variables = clock_variables(self.library, home.kept_folder)
            shift_clock(home.kept_folder, 0.0)

        def change(site: dict[str, object]) -> None:
            for fault in scenario.faults:
                fault.configure(site)

        return home.begin(scenario.setting, change, variables=variables, guard=list(self.guard))

    def _healed(self, home: ArenaHome, scenario: Scenario) -> float | None:
        """Let faults that keep everybody from setting the default outlast the lease, and remove them; return when."""
        healing = [fault for fault in scenario.faults if fault.heal is not None]
        if not healing:
            return None
        home.watch(lambda: False, max(home.seen.lease_ends - time.monotonic(), 0.0) + 3.0)
        for fault in reversed(healing):
            if fault.heal is not None:
                fault.heal(home)
        return time.monotonic()

    def _default_after(self, home: ArenaHome, scenario: Scenario, since: float, healed: float | None) -> float | None:
        """Return the time of the default after the lease or the fault had ended [s]; None where it never came."""
        longest = BEYOND_LEASE + (SWITCH_MARGIN if scenario.switch else 0.0)

        def reached() -> bool:
            return self.assistant.at_default_since(home.number, since) is not None

        def over() -> bool:
            return time.monotonic() > max(home.seen.lease_ends, healed or 0.0) + longest + 5.0

        home.watch(lambda: reached() or over(), LEASE_SECONDS * 20)
        found = self.assistant.at_default_since(home.number, since)
        return None if found is None else found - max(min(home.seen.lease_ends, found), healed or 0.0)


def _told(home: ArenaHome, fault: ArenaFault) -> bool:
    """Return whether something has told a fault, or nothing has to."""
    return not fault.tells or any(sign in home.seen.signs for sign in fault.tells)


def _left(home: ArenaHome) -> str:
    """Return what is wrong at the end: an inverter that follows a command under no lease."""
    held = home.seen.lease_ends > time.monotonic()
    if home.assistant.at_default(home.number) or held:
        return ""
    return "the inverter follows a command at the end, and no lease holds it"


@contextmanager
def arena(template: FreshHome, at: datetime, n_homes: int, guard: Sequence[str] = ()) -> Iterator[Arena]:
    """Start Home Assistant with the inverters and dead man's switches of so many homes.

    Args:
        template: a home as it should be.
        at: the moment that its readings end at.
        n_homes: number of homes.
        guard: command of the guard in the place of the project's; empty for that.
    """
    with TemporaryDirectory(prefix="darkstar-arena-") as name, ExitStack() as stack:
        folder, links = Path(name), LinkLoop()
        stack.callback(links.close)
        assistant = ArenaAssistant(folder / "assistant", n_homes)
        homes = [
            ArenaHome(number, folder / f"home{number}", assistant, links, template=template, at=at)
            for number in range(n_homes)
        ]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(ArenaHome.install_switch, homes))
        stack.callback(assistant.kill)
        assistant.start()
        assistant.follow()
        stack.callback(assistant.unfollow)
        free: queue.Queue[ArenaHome] = queue.Queue()
        for home in homes:
            free.put(home)
        yield Arena(assistant, free, clock_library(folder), tuple(guard))


def tried(scenarios: Sequence[Scenario], ground: Arena, n_at_once: int) -> list[Verdict]:
    """Try every scenario, so many at once, with a progress bar on standard error; outages of Home Assistant at last."""
    verdicts: dict[Scenario, Verdict] = {}
    done = _all_tried(scenarios, ground, n_at_once)
    for verdict in track(done, "faults", total=len(scenarios), console=Console(stderr=True)):
        verdicts[verdict.scenario] = verdict
    return [verdicts[scenario] for scenario in scenarios]


def _all_tried(scenarios: Sequence[Scenario], ground: Arena, n_at_once: int) -> Iterator[Verdict]:
    yield from _tried_together([scenario for scenario in scenarios if not scenario.shared], ground, n_at_once)
    for how in ("stopped", "killed"):
        shared = [scenario for scenario in scenarios if scenario.shared == how]
        for first in range(0, len(shared), n_at_once):
            group = shared[first : first + n_at_once]
            ground.assistant.outage = Outage(ground.assistant, len(group), killed=how == "killed")
            yield from _tried_together(group, ground, n_at_once)


def _tried_together(scenarios: Sequence[Scenario], ground: Arena, n_at_once: int) -> Iterator[Verdict]:
    with ThreadPoolExecutor(n_at_once) as pool:
        for future in as_completed([pool.submit(ground.verdict, scenario) for scenario in scenarios]):
            yield future.result()
