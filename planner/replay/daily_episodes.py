"""Days that a policy is replayed on, of one home or of many side by side: what happens, and what is expected."""

from dataclasses import dataclass, replace

import numpy as np

from env.fleet import Homes, one_site, part_of
from env.inverter import Energy
from env.simulator import World
from env.site import Site
from env.types import Index
from planner.care.soc_targets import SocTargets
from planner.value.protocol import Protocol
from planner.value.scenarios import Scenarios


@dataclass(frozen=True)
class Expectations:
    """Forecasts and scenarios of days with equally many slots, as known at their starts.

    Attributes:
        load_kwh: forecast `(n_days, n_slots)`, nan where there is none [kWh].
        pv_kwh: forecast `(n_days, n_slots)`, nan where there is none [kWh].
        scenarios: of the days.
    """

    load_kwh: Energy
    pv_kwh: Energy
    scenarios: Scenarios


@dataclass(frozen=True)
class DailyEpisodes:
    """Days with equally many slots that a policy is replayed on.

    Attributes:
        world: what happens `(n_days, n_slots)`; planners read it slot by slot.
        expected: forecasts and scenarios of the same days.
        homes: battery and limits, of all days or of each.
        protocols: start and settlement of each of the homes.
        targets: reserve and care of the days; None for a site without.
    """

    world: World
    expected: Expectations
    homes: Homes
    protocols: tuple[Protocol, ...]
    targets: SocTargets | None = None

    @property
    def start_soc_kwh(self) -> Energy:
        """Stored energy at the start of each day `(n_days,)` [kWh]."""
        return np.array([protocol.start_soc_kwh for protocol in self.protocols])[self.which]

    @property
    def settlements(self) -> Energy:
        """Settlement value of each day `(n_days,)` [money/kWh]."""
        kinds = self._kinds
        prices = zip(map(int, self.which), self.world.import_price, strict=True)
        return np.array([self.protocols[kind].settlement(day, kinds[kind].battery) for kind, day in prices])

    @property
    def _kinds(self) -> tuple[Site, ...]:
        return (self.homes,) if isinstance(self.homes, Site) else self.homes.kinds

    @property
    def which(self) -> Index:
        """Home of each day, as the index of its protocol `(n_days,)`."""
        if isinstance(self.homes, Site):
            return np.zeros(len(self.world.load_kwh), dtype=np.intp)
        return self.homes.which

    @property
    def site(self) -> Site:
        """Return the home of all days; `ShapeError` where they differ."""
        return one_site(self.homes)

    @property
    def protocol(self) -> Protocol:
        """Return the start and settlement of that home."""
        (own,) = self.protocols
        return own

    def day(self, number: int) -> "DailyEpisodes":
        """Return one of the days, of one home."""
        part, kind = self.part(slice(number, number + 1)), self.which[number]
        return replace(part, homes=self._kinds[kind], protocols=(self.protocols[kind],))

    def part(self, days: slice) -> "DailyEpisodes":
        """Return some of the days."""
        load, pv, scenarios = self.expected.load_kwh, self.expected.pv_kwh, self.expected.scenarios
        world = World(*(table[days] for table in vars(self.world).values()))
        expected = Expectations(load[days], pv[days], scenarios.part(days))
        targets = None if self.targets is None else self.targets.homes(days)
        return replace(self, world=world, expected=expected, homes=part_of(self.homes, days), targets=targets)
