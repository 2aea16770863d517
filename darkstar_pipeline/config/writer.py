"""The writer of `darkstar.yaml`: every setting with its value and, behind it, its description.

A new file is rendered from the settings' own fields; into an existing one a site is inserted as text, so that what a
person wrote, comments included, stays. What does not belong here: reading the configuration (`settings`), asking for
values (`commands.init`).
"""

from collections.abc import Iterator
from datetime import time
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError

from darkstar_pipeline.config.settings import Settings, SiteName, SiteSettings, load_settings
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.state.atomic_files import atomic_write

SAMPLE_SITE = "sample"
"""Name of the site of the embedded sample; it never becomes the default beside a home of one's own."""

_HEADER = """\
# darkstar.yaml: the homes that Darkstar works for. Edit it freely, then run `darkstar doctor`.
# Every setting is written out with its value; a line that is removed falls back to the built-in default.
# Prices are per kWh in the site's currency, energies in kWh, powers in kW, days local.

"""
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
    "appliances": ("for example:", "- {name: dishwasher, power_kw: 1.2, run_hours: 2.5}"),
}
_STEP = 2


class SiteExistsError(ConfigurationError):
    """A site of that name is already in the file."""

    def __init__(self, name: str, path: Path) -> None:
        super().__init__(
            f"site {name!r} is already in {path}", "edit it there, or name another: darkstar init --site NAME"
        )


def add_site(path: Path, name: str, site: SiteSettings) -> Settings:
    """Add a site to the configuration file; make the file where there is none.

    Where a second site comes in and none was the default, the one that was meant before stays meant.

    Args:
        path: the configuration file.
        name: name of the new site.
        site: its settings, all of which are written out.

    Returns:
        The configuration as it now is.

    Raises:
        ConfigurationError: the name is taken or not allowed, or the file cannot be read or added to.
    """
    _check_name(name)
    if not path.exists():
        default = None if name == SAMPLE_SITE else name
        text = _HEADER + f"default_site: {_scalar(default)}  # {_description(Settings, 'default_site')}\n\n"
        return _write(path, f"{text}sites:\n{_block(name, site, _STEP)}", {name: site})
    before = load_settings(path)
    if name in before.sites:
        raise SiteExistsError(name, path)
    text = _with_site(_read(path), name, site, path)
    default = _default(before, name)
    if default is not None:
        text = _with_default(text, default)
    return _write(path, text, {**before.sites, name: site})


def _check_name(name: str) -> None:
    try:
        TypeAdapter[str](SiteName).validate_python(name)
    except ValidationError as error:
        message = f"{name!r} is no name for a site"
        raise ConfigurationError(message, "letters, digits, - and _, starting with a letter or digit") from error


def _default(before: Settings, name: str) -> str | None:
    """The default to write down, if any: see `add_site`."""
    if before.default_site is not None:
        return None
    homes = [each for each in before.sites if each != SAMPLE_SITE]
    if len(homes) == 1:
        return homes[0]
    return name if not homes and name != SAMPLE_SITE else None


def _write(path: Path, text: str, sites: dict[str, SiteSettings]) -> Settings:
    """Write the file, once it is sure to say what is meant.

    Raises:
        ConfigurationError: it would not; the file stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")
        try:
            settings = load_settings(temporary)
        except ConfigurationError:
            settings = None
        if settings is None or settings.sites != sites:
            raise ConfigurationError(f"a site cannot be added to {path} as it is written", "add it by hand")
    return settings


def _read(path: Path) -> str:
    """The text with its own line ends."""
    with path.open(encoding="utf-8", newline="") as handle:
        return handle.read()


def _block(name: str, site: SiteSettings, indent: int) -> str:
    """The lines of a site."""
    lines = [" " * indent + f"{name}:", *_model_lines(site, indent + _STEP)]
    return "\n".join(lines) + "\n"


def _model_lines(model: BaseModel, indent: int) -> Iterator[str]:
    """A line a field, and a block for each model inside."""
    space = " " * indent
    for key in type(model).model_fields:
        value: Any = getattr(model, key)
        if isinstance(value, BaseModel):
            yield f"{space}{key}:  # {_purpose(value)}"
            yield from _model_lines(value, indent + _STEP)
        elif models := _models(value):
            yield f"{space}{key}:  # {_purpose(models[0])}"
            for item in models:
                yield from _item_lines(item, indent)
        else:
            yield f"{space}{key}: {_scalar(value)}  # {_description(type(model), key)}"
            yield from (f"{space}# {line}" for line in _EXAMPLES.get(key, ()))


def _models(value: object) -> tuple[BaseModel, ...]:
    """The models of a list of them; nothing for any other value."""
    items = cast("tuple[object, ...]", value) if isinstance(value, tuple) else ()
    return tuple(item for item in items if isinstance(item, BaseModel))


def _item_lines(model: BaseModel, indent: int) -> Iterator[str]:
    """A model as an item of a list: its first line carries the dash."""
    first, *rest = _model_lines(model, indent + 2 * _STEP)
    yield f"{' ' * (indent + _STEP)}- {first.lstrip()}"
    yield from rest


def _description(model: type[BaseModel], key: str) -> str:
    return model.model_fields[key].description or ""


def _purpose(model: BaseModel) -> str:
    """The first sentence of a model's docstring, as a comment."""
    first = (type(model).__doc__ or "").strip().splitlines()[0].rstrip(".")
    return first[0].lower() + first[1:]


def _scalar(value: object) -> str:
    """A value as YAML on one line; text that YAML would read as something else (NO, 06:00) is quoted."""
    if isinstance(value, tuple):
        value = list(cast("tuple[object, ...]", value))
    elif isinstance(value, (Path, time)):
        value = str(value)
    return yaml.safe_dump(value, default_flow_style=True, width=10_000).removesuffix("...\n").strip()


def _with_site(text: str, name: str, site: SiteSettings, path: Path) -> str:
    """The text with a site inserted behind the last one.

    Raises:
        ConfigurationError: `sites` is written in braces, where no line can be inserted.
    """
    sites = _value_of(text, "sites")
    if sites is None:
        return _ended(text) + "sites:\n" + _block(name, site, _STEP)
    if isinstance(sites, yaml.MappingNode) and not sites.value:  # sites: {}
        text = text[: sites.start_mark.index] + text[sites.end_mark.index :]
        return _insert_after(text, sites.start_mark.index, _block(name, site, _STEP))
    if not isinstance(sites, yaml.MappingNode) or sites.flow_style:
        raise ConfigurationError(f"`sites` in {path} is not written as indented lines", "add the site by hand")
    key, last = cast("list[tuple[yaml.Node, yaml.Node]]", sites.value)[-1]
    return _insert_after(text, _end(key, last), _block(name, site, sites.start_mark.column))


def _with_default(text: str, name: str) -> str:
    """The text with that default site."""
    value = _value_of(text, "default_site")
    if value is None:
        return f"default_site: {name}\n" + text
    separator = " " if text[value.start_mark.index - 1] == ":" else ""
    return text[: value.start_mark.index] + separator + name + text[value.end_mark.index :]


def _value_of(text: str, key: str) -> yaml.Node | None:
    """The node of a top-level key, which knows where in the text it stands."""
    root = cast("yaml.Node | None", yaml.compose(text, Loader=yaml.SafeLoader))  # pyright: ignore[reportUnknownMemberType] - untyped
    if not isinstance(root, yaml.MappingNode):
        return None
    for name, value in cast("list[tuple[yaml.Node, yaml.Node]]", root.value):
        if isinstance(name, yaml.ScalarNode) and name.value == key:
            return value
    return None


def _end(key: yaml.Node, value: yaml.Node) -> int:
    """Where the last thing inside ends in the text: a block's own end mark lies behind the comments that follow it."""
    if isinstance(value, yaml.MappingNode) and value.value and not value.flow_style:
        return _end(*value.value[-1])
    if isinstance(value, yaml.SequenceNode) and value.value and not value.flow_style:
        return _end(key, value.value[-1])
    return max(value.end_mark.index, key.end_mark.index)


def _insert_after(text: str, place: int, block: str) -> str:
    """The text with a block of lines behind the line that holds `place`."""
    end = text.find("\n", place)
    if end < 0:
        return _ended(text) + block
    return text[: end + 1] + block + text[end + 1 :]


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"
