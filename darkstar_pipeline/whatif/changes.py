"""Changes of a what-if: settings by their names in `darkstar.yaml`, another house, other prices, relaxed economics."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from planner.whatif.house import HouseChange
from planner.wording.messages import phrase


@dataclass(frozen=True, kw_only=True)
class Relaxation:
    """Economics that are not the home's own.

    Attributes:
        no_wear: the battery wears for nothing.
        no_margins: MPC writes every command anew, whatever it saves.
        least_export: no kWh is sold below this price [money/kWh].
        most_export: no kWh is sold above this price [money/kWh].
    """

    no_wear: bool = False
    no_margins: bool = False
    least_export: float | None = None
    most_export: float | None = None

    @property
    def is_none(self) -> bool:
        """Return whether the economics are the home's own."""
        return self == Relaxation()

    def settings(self) -> dict[str, Any]:
        """Return the settings that it changes, by name."""
        wear = {"battery.wear_cost_per_kwh": 0.0, "battery.wear_cost_per_cycle": 0.0} if self.no_wear else {}
        margins = {"mpc.hysteresis_kwh": 0.0, "mpc.writes_per_day": None} if self.no_margins else {}
        return {**wear, **margins}

    def words(self) -> list[str]:
        """Return what is relaxed, a phrase each."""
        said: list[str] = [phrase("wear 0")] if self.no_wear else []
        said += [phrase("no margins")] if self.no_margins else []
        if self.least_export is not None:
            said.append(phrase("export price at least {price:g}", price=self.least_export))
        if self.most_export is not None:
            said.append(phrase("export price at most {price:g}", price=self.most_export))
        return said


@dataclass(frozen=True, kw_only=True)
class Changes:
    """The changes of a what-if.

    Attributes:
        settings: values by their names in `darkstar.yaml`, such as `battery.capacity_kwh`.
        area: price area; None keeps the site's.
        prices: file of spot prices of that area; None takes those that the lake has.
        house: load and PV.
        relaxation: economics that are not the home's own.
    """

    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    area: str | None = None
    prices: Path | None = None
    house: HouseChange = field(default_factory=HouseChange)
    relaxation: Relaxation = field(default_factory=Relaxation)

    @property
    def every_setting(self) -> dict[str, Any]:
        """Return all settings that change, those of the relaxation and the area among them."""
        area = {} if self.area is None else {"area": self.area}
        return {**self.settings, **area, **self.relaxation.settings()}
