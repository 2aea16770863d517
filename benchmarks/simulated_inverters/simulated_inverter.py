"""An inverter of a family, in memory: its entities in Home Assistant, and what its battery does as they stand.

The descriptions (`models/FAMILY.yaml`) are written from how the integrations and inverters behave, and know nothing of
the profiles: a profile that uses an entity wrongly fails here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from darkstar_pipeline.config.yaml_file.document import read_yaml
from darkstar_pipeline.home_assistant_api.answers import Entity, State
from darkstar_pipeline.home_assistant_api.failures import HomeAssistantError

Value = float | str
BATTERY_KW, BATTERY_VOLTS = 5.0, 51.2
SECONDS_A_MINUTE = 60.0
LARGEST_POWER, ROUNDED_PARTS = 10_000.0, 50
"""One that rounds has so many values up to its largest, or up to 10 kW where that is no home's."""


class Part(BaseModel):
    """A part of a description; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class SimulatedEntity(Part):
    """An entity: what it shows at first, what it takes, and what depends on others."""

    start: Value
    unit: str | None = None
    min: float | None = None
    max: float | None = None
    step: float | None = None
    options: tuple[str, ...] = ()
    lag_seconds: float | None = None
    shows_always: Value | None = None
    hidden_unless: dict[str, Value] = Field(default_factory=dict[str, Value])
    refused_unless: dict[str, Value] = Field(default_factory=dict[str, Value])
    sets: dict[str, str] = Field(default_factory=dict[str, str])


class SimulatedService(Part):
    """A service of the integration: the data that it needs, and what it sets."""

    needs: tuple[str, ...]
    sets: dict[str, Value]
    starts: str | None = None


class Behaviour(Part):
    """A rule of what the battery does while entities have some values; self-consumption where nothing else is said."""

    when: dict[str, Value] = Field(default_factory=dict[str, Value])
    charges: Value | None = None
    discharges: Value | None = None
    signed: str | None = None
    grid: str | None = None
    idles: bool = False
    charge_limit: Value | None = None
    discharge_limit: Value | None = None


class ExportLimit(Part):
    """A limit of what is fed in."""

    when: dict[str, Value] = Field(default_factory=dict[str, Value])
    limit: Value


class Expiry(Part):
    """A command that the inverter forgets: since when, and after how long."""

    since: str = Field(alias="from")
    minutes: str


class Description(Part):
    """A family's description."""

    integration: str
    entities: dict[str, SimulatedEntity]
    services: dict[str, SimulatedService] = Field(default_factory=dict[str, SimulatedService])
    behaviour: tuple[Behaviour, ...]
    export: tuple[ExportLimit, ...] = ()
    resets: dict[str, dict[str, Value]] = Field(default_factory=dict[str, dict[str, Value]])
    expires: Expiry | None = None
    lag_seconds: float = 0.0
    rated_kw: float = BATTERY_KW


@dataclass(frozen=True)
class Flow:
    """Powers at a moment [kW]."""

    charge: float
    discharge: float
    imported: float
    exported: float


def descriptions() -> dict[str, Description]:
    """Return every description by family."""
    folder = files("benchmarks.simulated_inverters") / "models"
    texts = {file.name.removesuffix(".yaml"): file.read_text(encoding="utf-8") for file in folder.iterdir()}
    return {name: Description.model_validate(read_yaml(texts[name]).values) for name in sorted(texts)}


class SimulatedInverter:
    """One inverter; `EntityClient` of the controller and `Home` of the guard.

    Args:
        description: of its family.
        seconds: the simulated time [s].

    Attributes:
        written: every value or call that reached it, with its entity or service.
        deaf: whether it ignores what is written, though Home Assistant says that it was.
        deaf_to: entities of which it ignores what is written.
        slower_by: time that it takes longer to show what was written [s].
        rounds: whether it rounds numbers coarsely.
        away: whether all its entities are unavailable.
        in_kilowatts: whether what was in W is in kW now.
        changed: called after everything that was set.
    """

    def __init__(self, description: Description, seconds: Callable[[], float]) -> None:
        self._description, self._seconds = description, seconds
        self.values: dict[str, Value] = {name: each.start for name, each in description.entities.items()}
        self._shown: dict[str, list[tuple[float, Value]]] = {}
        self._set_at: dict[str, float] = {}
        self._contexts: dict[str, dict[str, str | None]] = {}
        self.written: list[tuple[str, Value]] = []
        self.deaf = False
        self.deaf_to: set[str] = set()
        self.slower_by = 0.0
        self.rounds = self.away = self.in_kilowatts = False
        self.changed: Callable[[], None] = lambda: None

    def state(self, entity: str) -> Mapping[str, Any] | None:
        """Return the state as Home Assistant shows it."""
        fact = self._description.entities.get(entity)
        if fact is None:
            return None
        scale = self._scale(fact)
        attributes = {
            "unit_of_measurement": fact.unit if scale == 1 else "kW",
            "min": None if fact.min is None else fact.min * scale,
            "max": None if fact.max is None else fact.max * scale,
            "step": None if fact.step is None else fact.step * scale,
            "options": list(fact.options) or None,
        }
        hidden = self.away or not self._are(fact.hidden_unless)
        shown = self._visible(entity)
        shown = shown if isinstance(shown, str) or scale == 1 else shown * scale
        text = "unavailable" if hidden else f"{shown}"
        known = {name: value for name, value in attributes.items() if value is not None}
        return {"entity_id": entity, "state": text, "attributes": known, "context": self._contexts.get(entity, {})}

    def call(self, domain: str, service: str, data: Mapping[str, Any]) -> None:
        """Call a service, as Home Assistant does: what is unavailable is skipped, what is out of range refused."""
        own = self._description.services.get(f"{domain}.{service}")
        if own is not None:
            self._serve(f"{domain}.{service}", own, data)
            return
        entity = str(data["entity_id"])
        fact = self._description.entities[entity]
        self._refuse_another_domain(entity, domain)
        value = {"turn_on": "on", "turn_off": "off"}.get(service, data.get("option", data.get("value")))
        if not isinstance(value, str | float | int):
            raise HomeAssistantError(f"{domain}.{service} has no value")
        value = value if isinstance(value, str) else value / self._scale(fact)
        self.written.append((entity, value))
        self._refuse_what_is_not_taken(entity, fact, value)
        if self._are(fact.hidden_unless) and not (self.deaf or self.away) and entity not in self.deaf_to:
            self._set(entity, self._rounded(fact, value), by="darkstar")

    def by_hand(self, entity: str, value: Value, *, user: str | None = "somebody") -> None:
        """Set an entity as somebody else does, by its service where it has one; None for the maker's own app."""
        services = self._description.services.values()
        own = next((each.sets for each in services if each.sets.get(entity) == value), {})
        for name, setting in {entity: value, **own}.items():
            self._set(name, setting, by=user)

    def close(self) -> None:
        """Nothing is open."""

    def registry(self) -> list[Entity]:
        """Return its entities as Home Assistant's registry has them, beside one of another integration."""
        own = [
            Entity(entity_id=name, platform=self._description.integration, device_id=f"device of {name}")
            for name in self._description.entities
        ]
        return [*own, Entity(entity_id="number.lamp_brightness", platform="hue")]

    def states(self) -> list[State]:
        """Return the states of all its entities."""
        return [State.model_validate(self.state(name)) for name in self._description.entities]

    def flow(self, load_kw: float, pv_kw: float, *, full: bool = False) -> Flow:
        """Return what battery and grid do.

        Args:
            load_kw: of the house [kW].
            pv_kw: that the panels could make [kW].
            full: whether the battery can take no more.
        """
        rule = next(each for each in self._description.behaviour if self._applies(each))
        net = load_kw - pv_kw
        charge, discharge = self._battery(rule, net)
        charge = 0.0 if full else min(charge, self._limit(rule.charge_limit))
        discharge = min(discharge, self._limit(rule.discharge_limit))
        grid = net + charge - discharge
        limits = [each for each in self._description.export if self._are(each.when)]
        most = min([self._power(each.limit) for each in limits], default=float("inf"))
        return Flow(charge, discharge, max(grid, 0.0), min(max(-grid, 0.0), max(most, 0.0)))

    def _battery(self, rule: Behaviour, net: float) -> tuple[float, float]:
        """Return charge and discharge before its limits."""
        if rule.idles:
            return 0.0, 0.0
        if rule.charges is not None:
            return self._power(rule.charges), 0.0
        if rule.discharges is not None:
            return 0.0, self._power(rule.discharges)
        wanted = -net if rule.grid is None else self._power(rule.grid) - net
        wanted = wanted if rule.signed is None else self._power(rule.signed)
        return max(wanted, 0.0), max(-wanted, 0.0)

    def _applies(self, rule: Behaviour) -> bool:
        """Return whether a rule applies; one whose command has expired does not."""
        expiry = self._description.expires
        if expiry is not None and expiry.since in rule.when:
            length = float(self.values.get(expiry.minutes, 0.0)) * self._minute(expiry.minutes)
            if self._seconds() - self._set_at.get(expiry.since, float("-inf")) > length:
                return False
        return self._are(rule.when)

    def _minute(self, entity: str) -> float:
        fact = self._description.entities.get(entity)
        return 1.0 if fact is not None and fact.unit == "s" else SECONDS_A_MINUTE

    def _limit(self, limit: Value | None) -> float:
        return BATTERY_KW if limit is None else min(self._power(limit), BATTERY_KW)

    def _power(self, what: Value) -> float:
        """Return a number, or the one of an entity, as a power [kW]."""
        if not isinstance(what, str):
            return float(what)
        value, fact = float(self.values.get(what, 0.0)), self._description.entities.get(what)
        unit = "W" if fact is None else fact.unit
        scales = {"kW": 1.0, "A": BATTERY_VOLTS / 1000, "%": self._description.rated_kw / 100}
        return value * scales.get(unit or "W", 0.001)

    def _are(self, wanted: Mapping[str, Value]) -> bool:
        return all(self.values.get(name, "") == value for name, value in wanted.items())

    def _scale(self, fact: SimulatedEntity) -> float:
        return 0.001 if self.in_kilowatts and fact.unit == "W" else 1.0

    def _rounded(self, fact: SimulatedEntity, value: Value) -> Value:
        if not self.rounds or isinstance(value, str) or fact.max is None:
            return value
        quantum = min(fact.max, LARGEST_POWER) / ROUNDED_PARTS
        return round(value / quantum) * quantum

    def forget(self) -> None:
        """Have everything as at the first start, as after a restart without a memory."""
        for entity, fact in self._description.entities.items():
            self._set(entity, fact.start, by=None)
        for name in [name for name in self.values if name.startswith("~")]:
            self.values[name] = 0.0

    def _visible(self, entity: str) -> Value:
        fact = self._description.entities[entity]
        if fact.shows_always is not None:
            return fact.shows_always
        shown = [value for due, value in self._shown.get(entity, []) if due <= self._seconds()]
        return shown[-1] if shown else fact.start

    def _set(self, entity: str, value: Value, *, by: str | None) -> None:
        """Have a value, and show it after the integration's lag."""
        fact = self._description.entities.get(entity)
        self.values[entity] = value
        self._set_at[entity] = self._seconds()
        if fact is None:
            return
        lag = self._description.lag_seconds if fact.lag_seconds is None else fact.lag_seconds
        self._shown.setdefault(entity, []).append((self._seconds() + lag + self.slower_by, value))
        self._contexts[entity] = {"user_id": by, "parent_id": None}
        for other, text in fact.sets.items():
            self.values[other] = float(text.format(value=value))
        for other, reset in self._description.resets.get(entity, {}).items():
            self._set(other, reset, by=None)
        self.changed()

    def _serve(self, name: str, service: SimulatedService, data: Mapping[str, Any]) -> None:
        if missing := [key for key in service.needs if key not in data]:
            raise HomeAssistantError(f"{name} needs {', '.join(missing)}")
        self.written.append((name, str(data.get("power", ""))))
        if self.deaf or self.away:
            return
        for entity, value in service.sets.items():
            text = value.format(**data) if isinstance(value, str) else value
            self._set(entity, float(text) if entity in ("~power", "~minutes") else text, by="darkstar")

    def _refuse_another_domain(self, entity: str, domain: str) -> None:
        if entity.partition(".")[0] != domain:
            raise HomeAssistantError(f"{domain} does not set {entity}")

    def _refuse_what_is_not_taken(self, entity: str, fact: SimulatedEntity, value: Value) -> None:
        if fact.options and value not in fact.options:
            raise HomeAssistantError(f"{entity} has no option {value}")
        low, high = fact.min, fact.max
        if low is not None and high is not None and not low <= float(value) <= high:
            raise HomeAssistantError(f"{entity} takes {low:g} to {high:g}, not {value}")
        if not self._are(fact.refused_unless):
            raise HomeAssistantError(f"{entity} cannot be set now")
