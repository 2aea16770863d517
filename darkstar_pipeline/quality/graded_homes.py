"""Homes as grading sees them: whether they have panels, and the figures of their batteries."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from env.battery import Battery
from env.home_rows import HOME

HAS_PV = "_has_pv"
CAPACITY, CHARGE_EFFICIENCY, DISCHARGE_EFFICIENCY = "_capacity_kwh", "_charge_efficiency", "_discharge_efficiency"


@dataclass(frozen=True)
class GradedHome:
    """A home as its grades see it, besides readings and prices.

    Attributes:
        battery: its capacity and efficiencies are used.
        has_pv: whether PV is a core reading.
    """

    battery: Battery
    has_pv: bool


def facts_of(homes: Mapping[str, GradedHome]) -> pl.DataFrame:
    """Return a row a home by its name: `site`, whether it has panels, capacity [kWh] and efficiencies."""
    batteries = [home.battery for home in homes.values()]
    return pl.DataFrame(
        {
            HOME: list(homes),
            HAS_PV: [home.has_pv for home in homes.values()],
            CAPACITY: [battery.capacity_kwh for battery in batteries],
            CHARGE_EFFICIENCY: [battery.charge_efficiency for battery in batteries],
            DISCHARGE_EFFICIENCY: [battery.discharge_efficiency for battery in batteries],
        },
        schema_overrides={CAPACITY: pl.Float64, CHARGE_EFFICIENCY: pl.Float64, DISCHARGE_EFFICIENCY: pl.Float64},
    )
