"""Settings as commented YAML: a line a setting, its value, and its description behind it.

Of a list the first item stands in full; later ones have what is not the built-in default, without comments, and refer
to a list that an earlier one has (`*home_power_1`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
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
    "windows": ("for example:", '- {start: "17:00", end: "20:00", weekdays: [1, 2, 3, 4, 5]}'),
    "appliances": ("for example:", "- {name: dishwasher, power_kw: 1.2, run_hours: 2.5}"),
}

_ALWAYS = ("valid_from", "vat", "transfer_fee", "energy_tax", "wear_cost_per_kwh")
"""Settings of later items that are written though they are the default, which is another outside Sweden."""


@dataclass
class _Anchors:
    """Names of the lists that several items of a list have.

    Attributes:
        prefix: begin of the names, which are the same in no other site.
        shared: lists that occur twice or more.
        named: their names, once they are written.
    """

    prefix: str
    shared: Sequence[tuple[BaseModel, ...]] = ()
    named: list[tuple[tuple[BaseModel, ...], str]] = field(default_factory=list[tuple[tuple[BaseModel, ...], str]])

    def within(self, items: Sequence[BaseModel]) -> "_Anchors":
        """Return the anchors of the items of a list."""
        lists = [found for item in items for key in type(item).model_fields if (found := _models(getattr(item, key)))]
        return _Anchors(self.prefix, [*self.shared, *(each for each in lists if lists.count(each) > 1)], self.named)

    def alias(self, models: tuple[BaseModel, ...]) -> str | None:
        """Return the name of a list that is written already; None where it is not."""
        return next((name for known, name in self.named if known == models), None)

    def anchor(self, key: str, models: tuple[BaseModel, ...]) -> str:
        """Return ` &NAME` for a list that a later item refers to; empty for another."""
        if models not in self.shared:
            return ""
        name = f"{self.prefix}_{key}_{len(self.named) + 1}"
        self.named.append((models, name))
        return f" &{name}"


def render_site(name: str, site: SiteSettings, indent: int = INDENT) -> str:
    """Return the lines of a site, indented by that many spaces, ready to stand below `sites:`."""
    lines = [" " * indent + f"{name}:", *_model_lines(site, indent + INDENT, _Anchors(name))]
    return "\n".join(lines) + "\n"


def render_tariff(name: str, tariff: Sequence[BaseModel], indent: int) -> str:
    """Return the lines of the tariff of a site, indented by that many spaces."""
    return "\n".join(_list_lines("tariff", tuple(tariff), indent, _Anchors(name))) + "\n"


def render_section(key: str, model: BaseModel) -> str:
    """Return the lines of a section at the top of the file."""
    return "\n".join([f"{key}:  # {_purpose(model)}", *_model_lines(model, INDENT, _Anchors(key))]) + "\n"


def render_setting(model: type[BaseModel], key: str, value: object) -> str:
    """Return `key: value  # description` of a setting whose value fits on a line."""
    return f"{key}: {_scalar(value)}  # {model.model_fields[key].description or ''}"


def _model_lines(model: BaseModel, indent: int, anchors: _Anchors, *, is_short: bool = False) -> Iterator[str]:
    """Yield a line a field, and a block for each model inside; in short without comments and defaults."""
    space = " " * indent
    for key in type(model).model_fields:
        value: Any = getattr(model, key)
        if (
            is_short
            and (key not in _ALWAYS or value is None)
            and value == type(model).model_fields[key].get_default(call_default_factory=True)
        ):
            continue
        if isinstance(value, BaseModel):
            yield f"{space}{key}:" + ("" if is_short else f"  # {_purpose(value)}")
            yield from _model_lines(value, indent + INDENT, anchors, is_short=is_short)
        elif models := _models(value):
            yield from _list_lines(key, models, indent, anchors, is_short=is_short)
        elif is_short:
            yield f"{space}{key}: {_scalar(value)}"
        else:
            yield space + render_setting(type(model), key, value)
            yield from (f"{space}# {line}" for line in _EXAMPLES.get(key, ()))


def _list_lines(
    key: str, models: tuple[BaseModel, ...], indent: int, anchors: _Anchors, *, is_short: bool = False
) -> Iterator[str]:
    """Yield a list of models, or the name of an equal one above."""
    if (name := anchors.alias(models)) is not None:
        yield f"{' ' * indent}{key}: *{name}"
        return
    yield f"{' ' * indent}{key}:{anchors.anchor(key, models)}" + ("" if is_short else f"  # {_purpose(models[0])}")
    inside = anchors.within(models)
    for number, item in enumerate(models):
        lines = _model_lines(item, indent + 2 * INDENT, inside, is_short=is_short or number > 0)
        first, *rest = (*lines,) or ("{}",)
        yield f"{' ' * (indent + INDENT)}- {first.lstrip()}"
        yield from rest


def _models(value: object) -> tuple[BaseModel, ...]:
    """Return the models of a list of them; none for any other value."""
    items = cast("tuple[object, ...]", value) if isinstance(value, tuple) else ()
    return tuple(item for item in items if isinstance(item, BaseModel))


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
