"""Facts of the home that Home Assistant tells besides its sensors: place, zone, currency, price area, battery."""

import re
from dataclasses import dataclass

import numpy as np

from darkstar_pipeline.config.countries import areas_beside, country_of, usual_area_name
from darkstar_pipeline.fetching.readings.proposal.candidates import Reals, Seen
from darkstar_pipeline.fetching.readings.proposal.mapping import Proposal
from darkstar_pipeline.home_assistant_api.answers import State
from darkstar_pipeline.sources.home_assistant.sensor_names import has, words

_AREA = re.compile(r"_(se_[1-4]|no_[1-5]|dk_[12]|fi|ee|lv|lt|nl|be|at|fr|pl|de_lu)_")
_BATTERY = "battery batteries batteri akku batterie accu speicher storage powerwall"
_SIZE = "capacity rated_capacity nominal_capacity usable_capacity kapacitet kapazitat"
_NOT_SIZE = "remaining available left current soc state percentage percent ah full_charge"
_MOST = "max maximum rated maximal nominal"
_KWH = {"Wh": 1e-3, "kWh": 1.0, "MWh": 1e3}
_KW = {"W": 1e-3, "kW": 1.0}
_LEAST_KWH, _MOST_KWH = 1.0, 200.0
_LEAST_KW, _MOST_KW = 0.5, 100.0
_COUNTED = {"SE", "NO", "DK"}
_LEAST_SWING = 20.0
_FEWEST_HOURS = 24


@dataclass(frozen=True, kw_only=True)
class HomeFacts:
    """Facts of a home; None where nothing tells them.

    Attributes:
        timezone: IANA zone.
        currency: ISO code.
        area: price area.
        areas: the areas that it may be, where it is not known; empty where nothing tells them.
        latitude: of the home [deg].
        longitude: of the home [deg].
        price: price sensor with the lists that are read.
        gives_prices: whether its Nord Pool integration gives prices of days.
        capacity_kwh: size of the battery [kWh].
        power_kw: its power [kW].
        because: what tells them, by name.
    """

    timezone: str
    currency: str | None
    area: str | None
    areas: str
    latitude: float | None
    longitude: float | None
    price: str | None
    gives_prices: bool
    capacity_kwh: float | None
    power_kw: float | None
    because: dict[str, str]


def facts_of(seen: Seen, proposal: Proposal) -> HomeFacts:
    """Return what was seen of the home."""
    because: dict[str, str] = {}
    config = seen.config
    placed = config.latitude is not None and (config.latitude, config.longitude) != (0.0, 0.0)
    capacity = _capacity(seen, proposal, because)
    power = _power(seen, proposal, capacity, because)
    return HomeFacts(
        timezone=config.time_zone,
        currency=config.currency or None,
        area=_area(seen, because),
        areas=areas_beside(config.country or ""),
        latitude=config.latitude if placed else None,
        longitude=config.longitude if placed else None,
        price=next((state.entity_id for state in seen.states if "raw_today" in state.attributes), None),
        gives_prices=seen.gives_prices,
        capacity_kwh=capacity,
        power_kw=power,
        because=because,
    )


def _area(seen: Seen, because: dict[str, str]) -> str | None:
    """Return the price area: as a price sensor is called, else the country's only one."""
    for state in seen.states:
        name = words(state.entity_id.split(".", 1)[-1])
        found = _AREA.search(name)
        if found is not None and has(name, "nordpool nord_pool price spot elpris strompris entsoe"):
            because["area"] = f"as {state.entity_id} has it"
            return usual_area_name(found[1].replace("_", "-" if found[1] == "de_lu" else ""))
    country = (seen.config.country or "").upper()
    if not country or country in _COUNTED or country_of(country) is None:
        return None
    because["area"] = f"the only one of {country}"
    return "DE-LU" if country in ("DE", "LU") else country


def _capacity(seen: Seen, proposal: Proposal, because: dict[str, str]) -> float | None:
    """Return the battery's size: as a sensor tells it, else by what charged it and how far its level rose [kWh]."""
    for state in seen.states:
        name = words(state.entity_id.split(".", 1)[-1])
        size = _value(state, _KWH)
        if size is None or not _LEAST_KWH <= size <= _MOST_KWH:
            continue
        if has(name, _SIZE) and has(name, _BATTERY) and not has(name, _NOT_SIZE):
            because["capacity_kwh"] = f"as {state.entity_id} has it"
            return round(size, 2)
    flow, level = _battery_flow(proposal), proposal.chosen.get("soc")
    if flow is None or level is None:
        return None
    size = _size_by_week(flow, level.week)
    if size is None or not _LEAST_KWH <= size <= _MOST_KWH:
        return None
    because["capacity_kwh"] = "by what flowed and how its level moved in the last week"
    return round(size, 1)


def _power(seen: Seen, proposal: Proposal, capacity: float | None, because: dict[str, str]) -> float | None:
    """Return the battery's power: as an entity tells it, else half its size an hour, or what the week shows [kW]."""
    for state in seen.states:
        name = words(state.entity_id.split(".", 1)[-1])
        if has(name, _BATTERY) and has(name, _MOST) and has(name, "power charge_power discharge_power charging_power"):
            power = _value(state, _KW)
            if power is not None and _LEAST_KW <= power <= _MOST_KW:
                because["power_kw"] = f"as {state.entity_id} has it"
                return round(power, 2)
    flow = _battery_flow(proposal)
    most = float(np.nanmax(np.abs(flow))) if flow is not None and not np.isnan(flow).all() else 0.0
    if most < _LEAST_KW:
        return None
    because["power_kw"] = "a guess: half its size, or the most of an hour of the last week"
    return float(np.ceil(2 * max(most, (capacity or 0.0) / 2)) / 2)


def _battery_flow(proposal: Proposal) -> Reals | None:
    """Return what went into the battery in each hour of the week, negative out of it [kWh]."""
    chosen = proposal.chosen
    if "battery" in chosen:
        return chosen["battery"].week
    if "battery_charge" in chosen and "battery_discharge" in chosen:
        return chosen["battery_charge"].week - chosen["battery_discharge"].week
    return None


def _size_by_week(flow: Reals, level: Reals) -> float | None:
    """Return the energy that a hundred points of the level hold [kWh]; the level is the mean of each hour."""
    between, moved = (flow[1:] + flow[:-1]) / 2, np.diff(level) / 100
    known = ~np.isnan(between) & ~np.isnan(moved)
    swing = float(np.nanmax(level) - np.nanmin(level)) if not np.isnan(level).all() else 0.0
    if np.count_nonzero(known) < _FEWEST_HOURS or swing < _LEAST_SWING:
        return None
    size = float((between[known] * moved[known]).sum() / (moved[known] ** 2).sum())
    return size if size > 0 else None


def _value(state: State, scale: dict[str, float]) -> float | None:
    """Return a state as a number in kWh or kW; None where it is none, or in another unit."""
    factor = scale.get(str(state.attributes.get("unit_of_measurement", "")))
    try:
        return None if factor is None else float(state.state) * factor
    except ValueError:
        return None
