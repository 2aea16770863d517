"""The slots ahead of homes that can be planned together: of one battery, connection and care, over the same slots."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl

from env.inverter import Energy
from env.simulator import World
from env.site import Site
from planner.care.soc_targets import SocTargets, scheduled_targets
from planner.fleet.homes_charges import HomesCharges
from planner.plans.task import End
from planner.value.scenarios import Scenarios


@dataclass(frozen=True, kw_only=True)
class HomesAhead:
    """Homes as a plan of this moment sees them; the span begins when its prices became known.

    Attributes:
        names: of the homes.
        site: battery, limits, care and time zone that all of them have.
        slot_starts: of the span `(n_slots,)` (UTC).
        world: prices, and load and PV: read in slots that are over, forecast elsewhere `(n_homes, n_slots)`.
        scenarios: of the span.
        current_slot: index of the slot to decide.
        start_soc_kwh: stored energy at its start `(n_homes,)` [kWh].
        end_values: value of stored energy at the span's end, on `soc_grid` `(n_homes, n_soc)` [money].
        ends: the same as a plan's costs count it.
        charges: demand charges; None for homes that do not pay for power.
    """

    names: tuple[str, ...]
    site: Site
    slot_starts: pl.Series
    world: World
    scenarios: Scenarios
    current_slot: int
    start_soc_kwh: Energy
    end_values: Energy
    ends: Sequence[End]
    charges: HomesCharges | None = None

    def charged(self, places: Sequence[int], charges: HomesCharges) -> "HomesAhead":
        """Return the homes at some places, with their demand charges."""
        chosen = list(places)
        scenarios, prior = self.scenarios, self.scenarios.prior
        return replace(
            self,
            names=tuple(self.names[place] for place in chosen),
            world=World(*(table[chosen] for table in vars(self.world).values())),
            scenarios=Scenarios(
                scenarios.load_kwh[chosen], scenarios.pv_kwh[chosen], None if prior is None else prior[chosen]
            ),
            start_soc_kwh=self.start_soc_kwh[chosen],
            end_values=self.end_values[chosen],
            ends=[self.ends[place] for place in chosen],
            charges=charges,
        )

    @cached_property
    def ahead(self) -> World:
        """Return the slots from the current one on, `(n_homes, n_slots)`."""
        return World(*(table[:, self.current_slot :] for table in vars(self.world).values()))

    @cached_property
    def targets(self) -> SocTargets | None:
        """Return the reserve and care of the span by the calendar; None for homes without."""
        starts = pl.concat([self.slot_starts] * len(self.names))
        return scheduled_targets(self.site, starts, self.world.import_price, self.world.export_price)

    @cached_property
    def targets_ahead(self) -> SocTargets | None:
        """Return the reserve and care from the current slot on; None for homes without."""
        return None if self.targets is None else self.targets.slots(self.current_slot)

    @cached_property
    def slots(self) -> pl.DataFrame:
        """Return the slots ahead, home after home: `slot_start, home, import_price, export_price, load_kwh, pv_kwh`."""
        starts = self.slot_starts[self.current_slot :]
        n_homes, n_slots = self.ahead.load_kwh.shape
        tables = {name: table.ravel() for name, table in vars(self.ahead).items()}
        home = pl.Series(np.repeat(np.arange(n_homes, dtype=np.int32), n_slots))
        return pl.DataFrame({"slot_start": pl.concat([starts] * n_homes), "home": home, **tables})
