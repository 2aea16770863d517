"""The demand of a car on the plan: energy from the charger by its next departure, the minimum first."""

import math
from dataclasses import dataclass
from datetime import datetime

from darkstar_pipeline.config.household.car import CarSettings
from darkstar_pipeline.planning.loads.car_state import CarState
from darkstar_pipeline.planning.loads.departures import Leaving
from env.time_grid import SLOT, slot_of
from planner.optimizer.deferrable_loads import VehicleRequest, Wish
from planner.wording.messages import phrase

NO_SOC = phrase(
    "the car's state of charge is not known: name devices.vehicle.sensors.soc, send it to POST /car/state, "
    "or give departures in kWh"
)
_LEAST_KWH = 0.05
"""Less than this is no wish: a state of charge has whole percents."""


@dataclass(frozen=True, kw_only=True)
class CarDemand:
    """The demand of a car at a moment.

    Attributes:
        leaves: when it departs; None where it asks for nothing.
        minimum_kwh: what it must get from the charger by then [kWh].
        target_kwh: what it is to get, the minimum included [kWh].
        request: the same for the planner; None where nothing is asked for.
        note: why nothing is asked for, or what cannot be met.
        decided: whether the plan decides when it charges; otherwise nothing is known or asked, and it is left alone.
    """

    leaves: datetime | None = None
    minimum_kwh: float = 0.0
    target_kwh: float = 0.0
    request: VehicleRequest | None = None
    note: str = ""
    decided: bool = False


def car_demand(settings: CarSettings, state: CarState, leaving: Leaving | None, now: datetime) -> CarDemand:
    """Return what the car asks for.

    Args:
        settings: of the car.
        state: how it is.
        leaving: its next departure; None where there is none.
        now: the moment.
    """
    if leaving is None:
        return CarDemand(note=phrase("no departure is set"))
    if state.plugged is False:
        return CarDemand(leaves=leaving.at, note=phrase("the car is not plugged in"))
    asked = _asked(settings, state, leaving)
    if asked is None:
        return CarDemand(leaves=leaving.at, note=NO_SOC)
    minimum, target = asked
    wishes = (
        Wish(minimum),
        Wish(target - minimum, math.inf if settings.target_worth is None else settings.target_worth),
    )
    wishes = tuple(wish for wish in wishes if wish.energy_kwh > _LEAST_KWH)
    hours = (leaving.at - now).total_seconds() / 3600
    start = slot_of(now)
    if not wishes or leaving.at - start < SLOT:
        note = phrase("the car leaves now") if wishes else phrase("the car has what it needs")
        return CarDemand(leaves=leaving.at, minimum_kwh=minimum, target_kwh=target, note=note, decided=not wishes)
    return CarDemand(
        leaves=leaving.at,
        minimum_kwh=minimum,
        target_kwh=target,
        request=VehicleRequest(arrives=start, departs=leaving.at, wishes=wishes),
        note=_shortage(settings, state, leaving, minimum or target, hours),
        decided=True,
    )


def _asked(settings: CarSettings, state: CarState, leaving: Leaving) -> tuple[float, float] | None:
    """Return minimum and target from the charger [kWh], what it has got already taken off; None where not known."""
    departure = leaving.departure
    least, most = departure.minimum_kwh, departure.target_kwh
    if least is not None or most is not None:
        asked = (least or 0.0, most if most is not None else least or 0.0)
        return _without(asked, state.charged_kwh)
    if settings.capacity_kwh is None or state.soc_percent is None:
        return None
    per_percent = settings.capacity_kwh / 100 / settings.efficiency
    least, most = departure.minimum_percent or 0.0, departure.target_percent
    percents = (least, least if most is None else most)
    return _without((percents[0] * per_percent, percents[1] * per_percent), state.soc_percent * per_percent)


def _without(asked: tuple[float, float], has: float) -> tuple[float, float]:
    """Return minimum and target without what is there."""
    return max(asked[0] - has, 0.0), max(asked[1] - has, 0.0)


def _shortage(settings: CarSettings, state: CarState, leaving: Leaving, wanted_kwh: float, hours: float) -> str:
    """Return what the charger cannot give before the departure, and what it can; empty where it can."""
    most = settings.charger_kw * hours
    if wanted_kwh <= most + _LEAST_KWH:
        return ""
    told = phrase(
        "{power:g} kW give {most:.1f} of {wanted:.1f} kWh before the departure",
        power=settings.charger_kw,
        most=most,
        wanted=wanted_kwh,
    )
    if settings.capacity_kwh is None or state.soc_percent is None or leaving.departure.target_kwh is not None:
        return told
    reached = state.soc_percent + 100 * most * settings.efficiency / settings.capacity_kwh
    return phrase("{shortage}: the car leaves with {percent:.0f} %", shortage=told, percent=reached)
