"""The columns of a fleet's homes, and the setting of a site that each stands for."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, get_args

import polars as pl

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.config.yaml_file.field_tree import field_at

ClassKind = Literal["tariff", "devices", "sources"]
CLASS_KINDS: tuple[ClassKind, ...] = get_args(ClassKind)
"""Columns that name something that homes share, under the fleet's settings."""
SITE, TENANT = "site", "tenant"
DEFAULT_TENANT = "default"
"""Tenant of the homes of a fleet that has only one."""
_SCALARS = {
    "": ("area", "timezone", "currency", "has_pv", "first_day"),
    "battery": (
        "capacity_kwh",
        "charge_kw",
        "discharge_kw",
        "min_soc_percent",
        "max_soc_percent",
        "round_trip_efficiency",
        "wear_cost_per_kwh",
    ),
    "limits": ("import_kw", "export_kw", "inverter_kw", "curtailable", "takes_import_limit"),
    "forecast": ("latitude", "longitude", "tilt", "azimuth", "panels_kw"),
}
_DTYPES: dict[object, pl.DataType] = {
    float: pl.Float64(),
    bool: pl.Boolean(),
    str: pl.String(),
    date: pl.Date(),
}


@dataclass(frozen=True, kw_only=True)
class HomeColumn:
    """A column of homes.

    Attributes:
        name: name of the column.
        place: keys down to its setting of a site.
        dtype: type of its cells; an empty one takes the fleet's default.
        description: what the setting means, with its unit.
    """

    name: str
    place: tuple[str, ...]
    dtype: pl.DataType
    description: str


def _column(section: str, name: str) -> HomeColumn:
    place = (section, name) if section else (name,)
    field = field_at(SiteSettings, place)
    if field is None:
        message = f"no setting {'.'.join(place)}"
        raise TypeError(message)
    return HomeColumn(name=name, place=place, dtype=_dtype(field.annotation), description=field.description or "")


def _dtype(annotation: Any) -> pl.DataType:  # noqa: ANN401 - whatever stands in an annotation
    """Return the type of cells for a setting's annotation, such as `float | None`."""
    found = [_DTYPES[part] for part in (annotation, *get_args(annotation)) if part in _DTYPES]
    return found[0]


HOME_COLUMNS: dict[str, HomeColumn] = {
    name: _column(section, name) for section, names in _SCALARS.items() for name in names
}
"""Columns whose cells are settings."""
HOMES_SCHEMA = pl.Schema(
    {SITE: pl.String(), TENANT: pl.String()}
    | {name: column.dtype for name, column in HOME_COLUMNS.items()}
    | {kind: pl.String() for kind in CLASS_KINDS}
)
"""Columns of the table of homes; `site` and `tenant` are never null."""
