"""The effective settings of a home, each with the place that it came from."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

from darkstar_pipeline.config.battery import WEAR_IN_KRONOR
from darkstar_pipeline.config.fleet.columns import CLASS_KINDS, HOME_COLUMNS
from darkstar_pipeline.config.fleet.rows import Row, class_section, row_settings, row_values
from darkstar_pipeline.config.fleet.settings import FleetSettings
from darkstar_pipeline.config.site import SiteSettings

BUILT_IN = "built in"
_COLUMNS = {column.place: column.name for column in HOME_COLUMNS.values()}
_OF_COUNTRY = ("timezone", "currency")
_FEES = ("vat", "transfer_fee", "energy_tax")
_PLACE_OF_FEE = 3  # tariff, its version, the fee
_WEAR = "wear_cost_per_kwh"
IN_CURRENCY = f"built in: {WEAR_IN_KRONOR:g} SEK in the home's currency"
NOT_KNOWN = f"built in: 0, since nobody knows what {WEAR_IN_KRONOR:g} SEK are in the home's currency"


class Effective(NamedTuple):
    """A setting of a home.

    Attributes:
        setting: its key path.
        value: as JSON has it.
        origin: where it came from.
    """

    setting: str
    value: object
    origin: str


def effective_settings(fleet: FleetSettings, row: Row) -> list[Effective]:
    """Return every setting of a home.

    Args:
        fleet: what the homes share.
        row: the home.
    """
    settings = row_settings(fleet, row)
    written = row_values(fleet, row)
    usual = dict(_leaves(SiteSettings().model_dump(mode="json")))
    found: list[Effective] = []
    for place, value in _leaves(settings.model_dump(mode="json")):
        origin = _origin(row, written, place, value, differs=place not in usual or usual[place] != value)
        found.append(Effective(setting=".".join(place), value=value, origin=origin))
    return found


def _origin(row: Row, written: Mapping[str, Any], place: tuple[str, ...], value: object, *, differs: bool) -> str:
    """Return where a setting came from."""
    head = place[0]
    if (column := _COLUMNS.get(place)) is not None and row.get(column) is not None:
        return f"row, {column}"
    if _stands_in(written, place):
        for kind in CLASS_KINDS:
            if head == kind and row.get(kind) is not None:
                return f"fleet.{class_section(kind)}.{row[kind]}"
        return "fleet.defaults"
    if differs and place[-1] == _WEAR:
        return NOT_KNOWN if value == 0 else IN_CURRENCY
    is_fee = head == "tariff" and len(place) == _PLACE_OF_FEE and place[-1] in _FEES
    return "country of the area" if differs and (is_fee or place[-1] in _OF_COUNTRY) else BUILT_IN


def _stands_in(values: object, place: tuple[str, ...]) -> bool:
    """Return whether something was written at a place, or a section or list around it that has no deeper keys."""
    for key in place:
        if isinstance(values, Mapping):
            inside = cast("Mapping[str, object]", values)
            if key not in inside:
                return False
            values = inside[key]
        elif isinstance(values, list | tuple):
            items = cast("list[object] | tuple[object, ...]", values)
            if int(key) >= len(items):
                return False
            values = items[int(key)]
        else:
            return True
    return True


def _leaves(value: object, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    """Yield every value that is no section, with its place; empty sections and lists are values."""
    if isinstance(value, Mapping) and value:
        for key, inner in cast("Mapping[str, object]", value).items():
            yield from _leaves(inner, (*place, key))
    elif isinstance(value, list) and value and isinstance(value[0], Mapping):
        for number, inner in enumerate(cast("list[object]", value)):
            yield from _leaves(inner, (*place, str(number)))
    else:
        yield place, value
