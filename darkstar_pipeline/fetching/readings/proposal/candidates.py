"""The sensors of a Home Assistant that may measure the home: by unit and device class, then by their names.

The names' table is that of the files (`sources.home_assistant.naming`). Of the last week each has its hourly energies.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from darkstar_pipeline.home_assistant_api.answers import EnergySettings, Entity, HomeConfig, State, Statistic
from darkstar_pipeline.home_assistant_api.nord_pool import gives_prices
from darkstar_pipeline.home_assistant_api.socket import HomeAssistantSocket
from darkstar_pipeline.sources.home_assistant.naming.company import by_company
from darkstar_pipeline.sources.home_assistant.naming.sensor_meaning import meaning_of_sensor
from darkstar_pipeline.sources.home_assistant.sensor_names import Subject, says_resetting

WEEK_HOURS = 168
_UNITS = {"Wh", "kWh", "MWh", "W", "kW", "MW"}
_NO_READING = (Subject.UNUSED, Subject.SPOT_PRICE)
_POWERS = {"W", "kW", "MW"}
Reals = NDArray[np.float64]


class Rank(IntEnum):
    """The kinds of sensors, the best first: a lifetime counter loses nothing, a mean power little."""

    COUNTER = 0
    RESETTING = 1
    POWER = 2
    LEVEL = 3


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A sensor that may measure the home.

    Attributes:
        entity: its id.
        name: as Home Assistant shows it.
        subject: the quantity.
        rank: its kind.
        because: why it is taken so.
        week: hourly energies [kWh] or levels [%] of the last week; NaN where there are none, shape (168,).
    """

    entity: str
    name: str
    subject: Subject
    rank: Rank
    because: str
    week: Reals

    @property
    def hours(self) -> int:
        """Number of hours of the week that it tells of."""
        return int(np.count_nonzero(~np.isnan(self.week)))

    @property
    def total(self) -> float:
        """Its energy of the week [kWh]."""
        return float(np.nansum(self.week))


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Everything that a proposal looks at.

    Attributes:
        config: the home as Home Assistant knows it.
        states: all present states.
        dashboard: settings of the energy dashboard.
        candidates: sensors that may measure the home.
        weeks: of every sensor with statistics that was asked for, its week.
        silent: sensors that may, of which no statistics are kept.
        gives_prices: whether its Nord Pool integration gives prices of days.
    """

    config: HomeConfig
    states: tuple[State, ...]
    dashboard: EnergySettings
    candidates: tuple[Candidate, ...]
    weeks: Mapping[str, Reals]
    silent: tuple[str, ...] = field(default=())
    gives_prices: bool = False


def look_at(socket: HomeAssistantSocket, now: datetime) -> Seen:
    """Look at a Home Assistant.

    Raises:
        HomeAssistantError: it does not answer.
    """
    config, states, dashboard = socket.config(), tuple(socket.states()), socket.energy_settings()
    registry = {entity.entity_id: entity for entity in socket.entities()}
    kept = {each.statistic_id: each for each in socket.statistic_ids()}
    meanings = {
        state.entity_id: meaning
        for state in states
        if _may_measure(state, registry.get(state.entity_id))
        and (meaning := meaning_of_sensor(state.entity_id, _name(state), None)) is not None
    }
    meanings |= by_company(meanings)
    wanted = [entity for entity, meaning in meanings.items() if meaning.subject not in _NO_READING]
    asked = sorted({each for each in (*wanted, *_of_dashboard(dashboard)) if each in kept})
    weeks = _weeks(socket, asked, kept, now) if asked else {}
    shown = {state.entity_id: state for state in states}
    candidates = tuple(
        Candidate(
            entity=entity,
            name=_name(shown[entity]),
            subject=meanings[entity].subject,
            rank=_rank(shown[entity], meanings[entity].subject),
            because=_because(meanings[entity].because, registry.get(entity)),
            week=weeks[entity],
        )
        for entity in wanted
        if entity in weeks
    )
    silent = tuple(entity for entity in wanted if entity not in kept)
    return Seen(
        config=config,
        states=states,
        dashboard=dashboard,
        candidates=candidates,
        weeks=weeks,
        silent=silent,
        gives_prices=gives_prices(socket),
    )


def _may_measure(state: State, entity: Entity | None) -> bool:
    """Return whether a state is an energy, a power or a battery's level of a sensor that is shown."""
    if not state.entity_id.startswith("sensor.") or (entity is not None and entity.hidden_by is not None):
        return False
    unit, kind = _unit(state), state.attributes.get("device_class")
    return (unit in _UNITS and kind in (None, "energy", "power")) or (unit == "%" and kind in (None, "battery"))


def _of_dashboard(dashboard: EnergySettings) -> list[str]:
    """Return every sensor that the energy dashboard names."""
    flows = [flow for source in dashboard.energy_sources for flow in (source, *source.flow_from, *source.flow_to)]
    named = [name for flow in flows for name in (flow.stat_energy_from, flow.stat_energy_to)]
    return [name for name in named if name is not None and name.startswith("sensor.")]


def _weeks(
    socket: HomeAssistantSocket, entities: list[str], kept: Mapping[str, Statistic], now: datetime
) -> dict[str, Reals]:
    """Return the last week of sensors, hour by hour."""
    end = now.replace(minute=0, second=0, microsecond=0)
    start = end - timedelta(hours=WEEK_HOURS)
    answer = socket.statistics(entities, start, end, "hour")
    first = start.timestamp()
    weeks = {entity: np.full(WEEK_HOURS, np.nan) for entity in entities}
    for entity, rows in answer.items():
        for row in rows:
            value = row.get("change") if kept[entity].has_sum else row.get("mean")
            hour = round(((row.get("start") or 0.0) / 1000 - first) / 3600)
            if value is not None and 0 <= hour < WEEK_HOURS:
                weeks[entity][hour] = value
    return weeks


def _rank(state: State, subject: Subject) -> Rank:
    if subject is Subject.SOC:
        return Rank.LEVEL
    if _unit(state) in _POWERS:
        return Rank.POWER
    return Rank.RESETTING if says_resetting(f"{state.entity_id} {_name(state)}") else Rank.COUNTER


def _because(why: str, entity: Entity | None) -> str:
    told = why or "by its name"
    return f"{told}, of {entity.platform}" if entity is not None and entity.platform else told


def _unit(state: State) -> str:
    return str(state.attributes.get("unit_of_measurement", ""))


def _name(state: State) -> str:
    return str(state.attributes.get("friendly_name", ""))
