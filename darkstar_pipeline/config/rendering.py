"""Settings as commented YAML: a line a setting, its value, and its description behind it."""

from collections.abc import Iterator
from datetime import time
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import BaseModel

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.config.yaml_file.document import QuotingDumper

INDENT = 2
_EXAMPLES = {
    "time_of_use": (
        "for example:",
        '- {months: [11, 12, 1, 2, 3], weekdays: [1, 2, 3, 4, 5], start: "06:00", end: "22:00", transfer_fee: 0.61}',
    ),
    "power": (
        "for example (docs/power_tariffs.md has those of some grid companies):",
        '- {top: 3, price_per_kw: 65.0, windows: [{start: "22:00", end: "06:00", weight: 0.5}]}',
    ),
    "extra_batteries": ("for example:", "- {capacity_kwh: 5.0, charge_kw: 2.5, discharge_kw: 2.5}"),
    "water_heater": (
        "for example:",
        "water_heater: {power_kw: 3.0, energy_kwh_per_day: 8.0, vacation_kwh_per_day: 1.0, spacing_hours: 5.0}",
    ),
    "vehicle": ("for example:", "vehicle: {power_kw: 11.0, from_battery: false}"),
    "email": (
        "for example:",
        "email: {host: mail.example.org, sender: a@example.org, to: [b@example.org]}",
    ),
    "appliances": ("for example:", "- {name: dishwasher, power_kw: 1.2, run_hours: 2.5}"),
}


def render_site(name: str, site: SiteSettings, indent: int = INDENT) -> str:
    """Return the lines of a site, indented by that many spaces, ready to stand below `sites:`."""
    lines = [" " * indent + f"{name}:", *_model_lines(site, indent + INDENT)]
    return "\n".join(lines) + "\n"


def render_section(key: str, model: BaseModel) -> str:
    """Return the lines of a section at the top of the file."""
    return "\n".join([f"{key}:  # {_purpose(model)}", *_model_lines(model, INDENT)]) + "\n"


def render_setting(model: type[BaseModel], key: str, value: object) -> str:
    """Return `key: value  # description` of a setting whose value fits on a line."""
    return f"{key}: {_scalar(value)}  # {model.model_fields[key].description or ''}"


def _model_lines(model: BaseModel, indent: int) -> Iterator[str]:
    """Yield a line a field, and a block for each model inside."""
    space = " " * indent
    for key in type(model).model_fields:
        value: Any = getattr(model, key)
        if isinstance(value, BaseModel):
            yield f"{space}{key}:  # {_purpose(value)}"
            yield from _model_lines(value, indent + INDENT)
        elif models := _models(value):
            yield f"{space}{key}:  # {_purpose(models[0])}"
            for item in models:
                yield from _item_lines(item, indent)
        else:
            yield space + render_setting(type(model), key, value)
            yield from (f"{space}# {line}" for line in _EXAMPLES.get(key, ()))


def _models(value: object) -> tuple[BaseModel, ...]:
    """Return the models of a list of them; none for any other value."""
    items = cast("tuple[object, ...]", value) if isinstance(value, tuple) else ()
    return tuple(item for item in items if isinstance(item, BaseModel))


def _item_lines(model: BaseModel, indent: int) -> Iterator[str]:
    """Yield a model as an item of a list: its first line carries the dash."""
    first, *rest = _model_lines(model, indent + 2 * INDENT)
    yield f"{' ' * (indent + INDENT)}- {first.lstrip()}"
    yield from rest


def _purpose(model: BaseModel) -> str:
    """Return the first sentence of a model's docstring, as a comment."""
    first = (type(model).__doc__ or "").strip().splitlines()[0].rstrip(".")
    return first[0].lower() + first[1:]


def _scalar(value: object) -> str:
    """Return a value as YAML on one line; text that YAML would read as something else (NO, 06:00) is quoted."""
    if isinstance(value, tuple):
        value = list(cast("tuple[object, ...]", value))
    elif isinstance(value, (Path, time)):
        value = str(value)
    return (
        yaml.dump(value, Dumper=QuotingDumper, default_flow_style=True, width=10_000, allow_unicode=True)
        .removesuffix("...\n")
        .strip()
    )
