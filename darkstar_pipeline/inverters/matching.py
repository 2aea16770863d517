"""Finds the inverter of a home among the entities of Home Assistant's registry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from darkstar_pipeline.home_assistant_api.answers import Entity, State
from darkstar_pipeline.inverters.profile import EntityFact, InverterProfile


@dataclass(frozen=True, kw_only=True)
class InverterMatch:
    """A profile and the home's entities that fit it.

    Attributes:
        profile: of the family.
        entities: ids by role.
        devices: ids by name.
        own: values that the default restores, as they are now.
        missing: roles that are needed and were not found, with an id that they may have.
        turned_off: ids of entities that would fit and are disabled in Home Assistant.
    """

    profile: InverterProfile
    entities: Mapping[str, str]
    devices: Mapping[str, str]
    own: Mapping[str, float | str]
    missing: Mapping[str, str]
    turned_off: tuple[str, ...]

    @property
    def settings(self) -> dict[str, Any]:
        """Settings below `home_assistant.control.inverter`."""
        parts = {"entities": self.entities, "devices": self.devices, "own": self.own}
        return {"family": self.profile.family, **{name: dict(part) for name, part in parts.items() if part}}


def find_inverter(
    profiles: Sequence[InverterProfile], entities: Sequence[Entity], states: Sequence[State]
) -> InverterMatch | None:
    """Return the profile that fits a home best; None where no integration of a profile is there.

    Args:
        profiles: that are known.
        entities: of the registry.
        states: at present.
    """
    found = [match for profile in profiles if (match := _match(profile, entities, states)) is not None]
    return min(found, key=lambda match: (len(match.missing), -len(match.entities), match.profile.family), default=None)


def _match(profile: InverterProfile, entities: Sequence[Entity], states: Sequence[State]) -> InverterMatch | None:
    """Return how a profile fits; None where nothing of it is there."""
    there = [entity for entity in entities if entity.platform in profile.integrations]
    shown = {state.entity_id: state for state in states}
    chosen: dict[str, Entity] = {}
    turned_off: list[str] = []
    for role, fact in profile.entities.items():
        for entity in _fitting(fact, there):
            if entity.disabled_by is not None or not _has_options(fact, shown.get(entity.entity_id)):
                turned_off += [entity.entity_id] if entity.disabled_by is not None else []
                continue
            chosen[role] = entity
            break
    if not chosen:
        return None
    missing = {role: fact.matches[0] for role, fact in profile.entities.items() if fact.needed and role not in chosen}
    devices = {name: chosen[role].device_id for name, role in profile.devices.items() if role in chosen}
    return InverterMatch(
        profile=profile,
        entities={role: entity.entity_id for role, entity in chosen.items()},
        devices={name: device for name, device in devices.items() if device is not None},
        own=_own(profile, {role: shown.get(entity.entity_id) for role, entity in chosen.items()}),
        missing=missing,
        turned_off=tuple(turned_off),
    )


def _fitting(fact: EntityFact, entities: Sequence[Entity]) -> list[Entity]:
    """Return the entities whose ids fit, the likeliest first: by the order of the patterns, then the shortest."""
    ranked = [
        (number, len(entity.entity_id), entity.entity_id, entity)
        for entity in entities
        if (number := next((n for n, each in enumerate(fact.matches) if fnmatchcase(entity.entity_id, each)), None))
        is not None
    ]
    return [entity for *_, entity in sorted(ranked, key=lambda each: each[:3])]


def _has_options(fact: EntityFact, state: State | None) -> bool:
    """Return whether a select has every option that is used, or does not say which it has."""
    options = None if state is None else state.attributes.get("options")
    return not isinstance(options, list) or set(fact.options) <= set(map(str, options))  # pyright: ignore[reportUnknownArgumentType] - of a list of anything


def _own(profile: InverterProfile, shown: Mapping[str, State | None]) -> dict[str, float | str]:
    """Return the values of the home's own that the default restores, as they are now."""
    own: dict[str, float | str] = {}
    for step in (*profile.default, *profile.release):
        state = shown.get(step.role)
        if not step.own or state is None or state.state in ("unavailable", "unknown"):
            continue
        if profile.entities[step.role].kind != "number":
            own[step.role] = state.state
            continue
        try:
            own[step.role] = float(state.state)
        except ValueError:
            continue
    return own
