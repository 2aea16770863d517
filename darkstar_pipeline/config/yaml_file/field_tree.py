"""The tree of settings by place: the field that a key path names, and the fields that somebody may have meant."""

import types
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Annotated, Union, cast, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from darkstar_pipeline.config.yaml_file.document import Place

_LIKENESS = 0.6
"""Least likeness of a name that is offered, as `difflib` counts it."""
_LEAST_LETTERS = 3
_MOST = 2
_OF_A_SITE, _FLEET = "sites.*.", "fleet"
_OTHER_WORDS = {
    "fuse": "limits.import_kw",
    "power_tariff": "tariff.power",
    "tax": "tariff.energy_tax",
    "grid_fee": "tariff.transfer_fee",
    "moms": "tariff.vat",
    "efficiency": "battery.round_trip_efficiency",
    "solar": "has_pv",
    "country": "area",
}
"""What others call a setting."""


def field_at(model: type[BaseModel], place: Place) -> FieldInfo | None:
    """Return the field that a place lies in, for a place inside a list that of the list; None where there is none."""
    annotation: object = model
    field: FieldInfo | None = None
    for step in place:
        fields = _fields(annotation)
        if fields is not None:
            field = fields.get(str(step))
            annotation = None if field is None else field.annotation
        else:
            annotation = _item(annotation)
        if annotation is None:
            return None if fields is not None else field
    return field


def suggestions(model: type[BaseModel], place: Place) -> list[str]:
    """Return the keys that an unknown one may have meant, the likeliest first; with its section where it is of another.

    Args:
        model: the root of the tree.
        place: of the unknown key.
    """
    key = str(place[-1])
    here = _fields(_annotation_at(model, place[:-1])) or {}
    if close := get_close_matches(key, list(here), n=1, cutoff=_LIKENESS):
        return close
    if parts := [name for name in here if len(key) >= _LEAST_LETTERS and key in name]:
        return parts[:_MOST]
    if key in _OTHER_WORDS:
        return [_OTHER_WORDS[key]]
    fleet = place[0] == _FLEET
    known = {path for name, path in _all_fields(model) if name == key and path.startswith(f"{_FLEET}.") == fleet}
    return sorted(path.removeprefix(_OF_A_SITE) for path in known)[:_MOST]


def _annotation_at(model: type[BaseModel], place: Place) -> object:
    annotation: object = model
    for step in place:
        fields = _fields(annotation)
        if fields is None:
            annotation = _item(annotation)
        else:
            annotation = fields[str(step)].annotation if str(step) in fields else None
    return annotation


def _all_fields(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield every field's name and its key path, with `*` for what a person names or counts."""
    for name, field in model.model_fields.items():
        place = f"{prefix}{name}"
        yield name, place
        inner, path = field.annotation, place
        while inner is not None and _fields(inner) is None:
            inner, path = _item(inner), f"{path}.*"
        if inner is not None:
            yield from _all_fields(_model(inner), f"{path}.")


def _fields(annotation: object) -> Mapping[str, FieldInfo] | None:
    """Return the fields of an annotation that is a model, or may be one; None for others."""
    model = _model_or_none(annotation)
    return None if model is None else model.model_fields


def _model(annotation: object) -> type[BaseModel]:
    return cast("type[BaseModel]", _model_or_none(annotation))


def _model_or_none(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (Union, types.UnionType, Annotated):
        return next((found for part in get_args(annotation) if (found := _model_or_none(part))), None)
    return None


def _item(annotation: object) -> object:
    """Return what a list or a mapping holds; None of anything else."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType, Annotated):
        return next((found for part in parts if (found := _item(part)) is not None), None)
    if origin in (tuple, list):
        return parts[0]
    return parts[1] if origin is dict else None
