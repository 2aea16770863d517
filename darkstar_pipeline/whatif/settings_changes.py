"""Settings of a site with changes, each checked as if it stood in `darkstar.yaml`."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from darkstar_pipeline.config.countries import country_of, usual_area_name
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.config.validation import describe_validation
from darkstar_pipeline.config.yaml_file.document import YamlDocument
from darkstar_pipeline.config.yaml_file.explanation import explain
from darkstar_pipeline.errors import ConfigurationError
from env.time_grid import zone

_SITES = "sites"
_REMEDY = "write settings as in darkstar.yaml, such as battery.capacity_kwh=15"


def changed_settings(settings: SiteSettings, name: str, changes: Mapping[str, Any]) -> SiteSettings:
    """Return the settings of a site with some of them changed.

    A name that goes through a list without a position means each of its items: `tariff.vat` is that of all versions.

    Args:
        settings: of the site, as they stand in the file.
        name: of the site.
        changes: values by key path below the site, such as `battery.capacity_kwh` or `tariff.0.vat`.

    Raises:
        ConfigurationError: a name or a value is wrong; the message names every one.
    """
    document = settings.model_dump(mode="python", exclude_unset=True)
    for path, value in changes.items():
        if not path or not all(path.split(".")):
            raise ConfigurationError(f"{path!r} is no name of a setting", _REMEDY)
        document = _changed(document, settings, path.split("."), value)
    document = _of_area(document, settings)
    try:
        changed = Settings.model_validate({_SITES: {name: document}}).sites[name]
    except ValidationError as error:
        wrong = describe_validation(
            error, whole="the what-if", remark=lambda item: explain(item, Settings, YamlDocument(None, None))
        )
        raise ConfigurationError(wrong.replace(f"{_SITES}.{name}.", ""), _REMEDY) from error
    _check_clock_and_money(settings, changed)
    return changed


def _check_clock_and_money(before: SiteSettings, after: SiteSettings) -> None:
    """Refuse another clock or money: readings are stored by the days of the one, prices in the other.

    Raises:
        ConfigurationError: there is one.
    """
    pairs = {"timezone": (before.timezone, after.timezone), "currency": (before.currency, after.currency)}
    for name, (old, new) in pairs.items():
        if old != new and not (name == "timezone" and _clock(old) == _clock(new)):
            remedy = f"leave {name} out; for a home in another country write a site of its own"
            raise ConfigurationError(f"{name}: a what-if keeps the site's, {old}, and cannot be in {new}", remedy)


def _changed(node: object, settings: object, steps: list[str], value: object) -> Any:  # noqa: ANN401 - any YAML
    """Return a node of the document with a value below it changed.

    Args:
        node: what the file said there; None where it left it out.
        settings: the same as settings, with the defaults.
        steps: way down to the value.
        value: the new one.
    """
    if not steps:
        return value
    step, *rest = steps
    if isinstance(settings, tuple):
        items = cast("tuple[object, ...]", settings)
        nodes: list[object] = list(cast("Sequence[object]", node)) if node is not None else [None for _ in items]
        if step.isdigit():
            if int(step) >= len(items):
                raise ConfigurationError(f"there is no item {step} where {len(items)} stand", _REMEDY)
            nodes[int(step)] = _changed(nodes[int(step)], items[int(step)], rest, value)
            return nodes
        return [_changed(each, item, steps, value) for each, item in zip(nodes, items, strict=True)]
    if rest and not isinstance(settings, BaseModel):  # the validation names it: no such setting, or no section
        return {step: value}
    known = cast("dict[str, object]", dict(cast("Any", node))) if node is not None else {}
    known[step] = _changed(known.get(step), getattr(settings, step, None), rest, value)
    return known


def _of_area(document: dict[str, Any], settings: SiteSettings) -> dict[str, Any]:
    """Refuse an area whose prices are in other money or by another clock than the site's.

    Raises:
        ConfigurationError: it is one.
    """
    area = document.get("area")
    if not isinstance(area, str) or area == settings.area:
        return document
    country = country_of(area)
    if country is not None and (
        country.currency != settings.currency or _clock(country.timezone) != _clock(settings.timezone)
    ):
        raise ConfigurationError(
            f"area {area} has prices in {country.currency} by the clock of {country.timezone}; "
            f"the site has {settings.currency} and {settings.timezone}",
            "name an area of the same money and clock",
        )
    return {**document, "area": usual_area_name(area)}


def _clock(timezone: str) -> list[timedelta | None]:
    """Return the offsets of a zone in winter and in summer."""
    return [datetime(2026, month, 15, tzinfo=zone(timezone)).utcoffset() for month in (1, 7)]


def differences(before: SiteSettings, after: SiteSettings) -> list[dict[str, Any]]:
    """Return what changed: `setting, before, after`, by the key path of each value that differs."""
    return list(_differences("", before.model_dump(mode="json"), after.model_dump(mode="json")))


def _differences(path: str, before: object, after: object) -> list[dict[str, Any]]:
    if before == after:
        return []
    if isinstance(before, dict) and isinstance(after, dict):
        pairs = cast("tuple[dict[str, object], dict[str, object]]", (before, after))
        names = dict.fromkeys((*pairs[0], *pairs[1]))
        inside = [_differences(f"{path}.{name}".lstrip("."), pairs[0].get(name), pairs[1].get(name)) for name in names]
        return [row for rows in inside for row in rows]
    if isinstance(before, list) and isinstance(after, list):
        lists = cast("tuple[list[object], list[object]]", (before, after))
        if len(lists[0]) == len(lists[1]):
            pairs_of = enumerate(zip(*lists, strict=True))
            return [row for at, (old, new) in pairs_of for row in _differences(f"{path}.{at}", old, new)]
    return [{"setting": path, "before": before, "after": after}]
