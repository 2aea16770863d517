"""The writer of `darkstar.yaml`: a new file with every setting described, one more site, a tariff, learned values.

What does not belong here: reading the configuration (`settings`), asking for values (`commands.init`).
"""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from darkstar_pipeline.config.battery import BatterySettings
from darkstar_pipeline.config.retention import RetentionSettings
from darkstar_pipeline.config.settings import Settings, load_settings
from darkstar_pipeline.config.site import SiteName, SiteSettings
from darkstar_pipeline.config.tariff import TariffSettings
from darkstar_pipeline.config.yaml_file.insertion import insert_site, replace_tariff, set_default_site
from darkstar_pipeline.config.yaml_file.learned_lines import take_back_learned, write_learned
from darkstar_pipeline.config.yaml_file.rendering import render_section, render_setting, render_site
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.state.atomic_files import atomic_write
from darkstar_pipeline.state.file_lock import hold_lock
from planner.artifacts.atomic_files import make_folder

SAMPLE_SITE = "sample"
"""Name of the site of the embedded sample; it never becomes the default beside a person's own home."""

_HEADER = """\
# darkstar.yaml: the homes that Darkstar works for. Edit it freely, then run `darkstar doctor`.
# Every setting is written out with its value; a line that is removed falls back to the built-in default.
# Prices are per kWh in the site's currency, energies in kWh, powers in kW, days local.

"""


class SiteExistsError(ConfigurationError):
    """A site of that name is already in the file."""

    def __init__(self, name: str, path: Path) -> None:
        super().__init__(
            f"site {name!r} is already in {path}", "edit it there, or name another: darkstar init --site NAME"
        )


def add_site(path: Path, name: str, site: SiteSettings) -> Settings:
    """Add a site to the configuration file; create the file where there is none.

    Where a second site comes in and none was the default, the one that was used before stays the one in use.

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
    make_folder(path.parent)
    target = path.resolve()
    with hold_lock(target.with_name(f".{target.name}.lock")):  # two that add a site at once keep both
        return _add_site(path, name, site)


def _add_site(path: Path, name: str, site: SiteSettings) -> Settings:
    """Add a site; the caller holds the file's lock."""
    if not path.exists():
        default = render_setting(Settings, "default_site", None if name == SAMPLE_SITE else name)
        kept = render_section("retention", RetentionSettings())
        return _write(path, f"{_HEADER}{default}\n\n{kept}\nsites:\n{render_site(name, site)}", {name: site})
    before = load_settings(path)
    if name in before.sites:
        raise SiteExistsError(name, path)
    text = insert_site(_read(path), name, site, path)
    default = _new_default(before, name)
    if default is not None:
        text = set_default_site(text, default)
    return _write(path, text, {**before.sites, name: site})


def set_tariff(path: Path, name: str, tariff: tuple[TariffSettings, ...]) -> Settings:
    """Replace the tariff of a site in the configuration file; no other line of it changes.

    Args:
        path: the configuration file.
        name: name of the site.
        tariff: versions of its tariff.

    Raises:
        ConfigurationError: the file cannot be read or changed, or the tariff is none of the site's.
    """
    with _held(path) as (sites, text):
        changed = SiteSettings.model_validate({**dict(sites[name]), "tariff": tariff})
        after = replace_tariff(text, name, changed.tariff, path)
        return _write(path, after, {**sites, name: changed}, f"the tariff of {name}")


def set_learned(path: Path, name: str, setting: str, value: object, day: date) -> Settings:
    """Write a learned value of a site's battery into the configuration file, with the value before beside it.

    Args:
        path: the configuration file.
        name: name of the site.
        setting: its name in `battery`.
        value: the learned value.
        day: the day on which it is taken over.

    Raises:
        ConfigurationError: the file cannot be read or changed, or the battery cannot be so.
    """
    with _held(path) as (sites, text):
        changed = _with_battery(sites[name], {setting: value})
        after = write_learned(text, name, setting, value, day, path)
        return _write(path, after, {**sites, name: changed}, f"battery.{setting} of {name}")


def revert_learned(path: Path, name: str, setting: str) -> Settings:
    """Put the value of a site's battery back that stood before a learned one was taken over.

    Raises:
        ConfigurationError: the file cannot be read or changed, or no learned value stands there.
    """
    with _held(path) as (sites, text):
        after, before = take_back_learned(text, name, setting, path)
        default = BatterySettings.model_fields[setting].default
        changed = _with_battery(sites[name], {setting: default if before is None else before})
        return _write(path, after, {**sites, name: changed}, f"battery.{setting} of {name}")


@contextmanager
def _held(path: Path) -> Generator[tuple[dict[str, SiteSettings], str]]:
    """Hold the file and yield its sites and its text."""
    target = path.resolve()
    with hold_lock(target.with_name(f".{target.name}.lock")):
        yield load_settings(path).sites, _read(path)


def _with_battery(site: SiteSettings, changes: dict[str, object]) -> SiteSettings:
    """Return a site with another battery.

    Raises:
        ConfigurationError: there is none such.
    """
    try:
        battery = BatterySettings.model_validate({**dict(site.battery), **changes})
        return SiteSettings.model_validate({**dict(site), "battery": battery})
    except ValidationError as error:
        message = f"the battery cannot be so: {error.errors()[0]['msg']}"
        raise ConfigurationError(message, "change the other settings of the battery first") from error


def _check_name(name: str) -> None:
    try:
        TypeAdapter[str](SiteName).validate_python(name)
    except ValidationError as error:
        message = f"{name!r} is not allowed as the name of a site"
        raise ConfigurationError(message, "use letters, digits, - and _, starting with a letter or digit") from error


def _new_default(before: Settings, name: str) -> str | None:
    """Return the default site to write, None to leave it as it is; see `add_site`."""
    if before.default_site is not None:
        return None
    homes = [site for site in before.sites if site != SAMPLE_SITE]
    if len(homes) == 1:
        return homes[0]
    return name if not homes and name != SAMPLE_SITE else None


def _write(path: Path, text: str, sites: dict[str, SiteSettings], what: str = "a site") -> Settings:
    """Write the file, once it reads back as those sites.

    Raises:
        ConfigurationError: it does not; the file stays as it was.
    """
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")
        try:
            settings = load_settings(temporary)
        except ConfigurationError:
            settings = None
        if settings is None or settings.sites != sites:
            raise ConfigurationError(f"{what} cannot be written into {path} as it stands", "write it by hand")
    return settings


def _read(path: Path) -> str:
    """Return the text with its own line ends."""
    with path.open(encoding="utf-8", newline="") as handle:
        return handle.read()
