"""`darkstar init --home-assistant URL`: the inverter that is found in the registry, as settings of control, off."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from darkstar_pipeline.home_assistant_api.answers import Entity, State
    from darkstar_pipeline.inverters.matching import InverterMatch

ABOUT = "docs/inverters.md"


@dataclass(frozen=True)
class FoundInverter:
    """An inverter as it was found; None where none of the known integrations is there."""

    match: "InverterMatch | None"

    def control(self, power_kw: float | None) -> dict[str, Any]:
        """Return the settings of control: off, and a dry run once it is turned on; empty where nothing was found.

        Args:
            power_kw: of the inverter, where it is known [kW].
        """
        if self.match is None or self.match.missing:
            return {}
        inverter = {**self.match.settings, "rated_kw": power_kw}
        return {"enabled": False, "dry_run": True, "profile": "inverter", "inverter": inverter}

    @property
    def document(self) -> dict[str, Any] | None:
        """Return what was found, for `--json`."""
        match = self.match
        if match is None:
            return None
        return {
            **match.settings,
            "title": match.profile.title,
            "missing": dict(match.missing),
            "turned_off": list(match.turned_off),
            "tested_on_hardware": match.profile.tested_on_hardware,
        }

    @property
    def lines(self) -> list[str]:
        """Return what was found, in sentences."""
        match = self.match
        if match is None:
            return []
        if match.missing:
            off = f"; turn on {', '.join(match.turned_off)} in Home Assistant" if match.turned_off else ""
            wanted = ", ".join(match.missing.values())
            return [f"inverter: {match.profile.title} lacks {wanted}{off}; no control is written ({ABOUT})"]
        return [
            f"inverter: {match.profile.title}, profile {match.profile.family} with {len(match.entities)} entities",
            "  control is off, and a dry run once you turn it on (home_assistant.control.enabled)",
            f"  the profile is untested on hardware until you confirm it ({ABOUT})",
            *(f"  before: {need}" for need in match.profile.needs),
            *(f"  cannot: {cannot}" for cannot in match.profile.cannot),
        ]


def inverter_in(entities: "Sequence[Entity]", states: "Sequence[State]") -> FoundInverter:
    """Return the inverter among the entities of a registry."""
    from darkstar_pipeline.inverters.catalogue import built_in
    from darkstar_pipeline.inverters.matching import find_inverter

    return FoundInverter(find_inverter(list(built_in().values()), entities, states))
