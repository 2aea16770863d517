"""The configuration: one frozen tree, read from `darkstar.yaml`. Every default of the project is in this package.

Values are in the words of data sheets and bills (percent, kW, clock times); `SiteSettings.site()` turns them into the
types that the rooms compute with. What does not belong here: writing the file (`darkstar_pipeline.config.writer`).
"""

import logging
import os
from functools import lru_cache
from pathlib import Path

import yaml
from pydantic import Field, PrivateAttr, ValidationError, model_validator

from darkstar_pipeline.config.base import Frozen
from darkstar_pipeline.config.checks.doubts import doubts
from darkstar_pipeline.config.fleet.engine import EngineSettings
from darkstar_pipeline.config.fleet.settings import FleetSettings
from darkstar_pipeline.config.retention import RetentionSettings, read_keep_plans_days
from darkstar_pipeline.config.site import SiteName, SiteSettings
from darkstar_pipeline.config.validation import describe_validation
from darkstar_pipeline.config.yaml_file.document import DuplicateKeyError, read_yaml
from darkstar_pipeline.config.yaml_file.explanation import explain
from darkstar_pipeline.errors import ConfigurationError

_log = logging.getLogger(__name__)


class Settings(Frozen):
    """The content of `darkstar.yaml`."""

    default_site: str | None = Field(default=None, description="site that is used where none is named")
    sites: dict[SiteName, SiteSettings] = Field(default_factory=dict[str, SiteSettings], description="homes by name")
    retention: RetentionSettings = Field(default_factory=RetentionSettings)
    engine: EngineSettings = Field(default_factory=EngineSettings)
    fleet: FleetSettings | None = Field(
        default=None, description="thousands of homes as rows of a table; null: only those under sites"
    )
    _of_fleet: frozenset[str] = PrivateAttr(default_factory=frozenset[str])

    @model_validator(mode="before")
    @classmethod
    def _read_old_plans_days(cls, values: object) -> object:
        """Take `keep_plans_days`, a setting of each site's service in version 0.1, as `retention.plans_days`."""
        return read_keep_plans_days(values)

    @model_validator(mode="after")
    def _default_exists(self) -> "Settings":
        if self.default_site is not None and self.default_site not in self.sites:
            message = f"default_site {self.default_site!r} is not under sites: {sorted(self.sites)}"
            raise ValueError(message)
        return self

    def with_home_of_fleet(self, name: str, site: SiteSettings) -> "Settings":
        """Return the same with a home of the fleet among the sites, so that what asks for a site finds it."""
        changed = self.model_copy(update={"sites": {**self.sites, name: site}})
        changed._of_fleet = self._of_fleet | {name}  # noqa: SLF001 - a copy of its own class
        return changed

    def is_of_fleet(self, name: str) -> bool:
        """Return whether a site is a home of the fleet, and stands in its lake."""
        return name in self._of_fleet

    def site_name(self, name: str | None = None) -> str:
        """Return the name of the site that is meant: the named one, else the only one, else the default.

        Raises:
            ConfigurationError: no such site, or several and no default.
        """
        if name is not None:
            if name not in self.sites:
                message = f"site {name!r} is not in the configuration"
                known = f"known sites: {', '.join(sorted(self.sites)) or 'none'}"
                of_fleet = "; homes of the fleet have their settings from rows and classes: darkstar fleet show NAME"
                raise ConfigurationError(message, known + (of_fleet if self.fleet is not None else ""))
            return name
        if len(self.sites) == 1:
            return next(iter(self.sites))
        if self.default_site is not None:
            return self.default_site
        if not self.sites and self.fleet is not None:
            raise ConfigurationError("no home is named", "--site NAME; `darkstar fleet homes` lists them")
        if not self.sites:
            raise ConfigurationError("no site is configured", "run `darkstar init` or `darkstar sample`")
        raise ConfigurationError("more than one site is configured", f"name one: --site {sorted(self.sites)[0]}")


def home_dir() -> Path:
    """Return the state folder: `DARKSTAR_HOME`, by default `.darkstar` in the working directory, absolute."""
    return Path(os.environ.get("DARKSTAR_HOME") or ".darkstar").expanduser().absolute()


def config_path() -> Path:
    """Return the configuration file: `DARKSTAR_CONFIG`, by default `darkstar.yaml` in the working directory."""
    return Path(os.environ.get("DARKSTAR_CONFIG") or "darkstar.yaml").expanduser().absolute()


def load_settings(path: Path | None = None) -> Settings:
    """Read and check the configuration.

    Raises:
        ConfigurationError: the file is missing, is not YAML, or has wrong values; the message names every one.
    """
    source = path if path is not None else config_path()
    try:
        document = read_yaml(source.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"no configuration at {source}", "run `darkstar init`, or `darkstar sample`"
        ) from error
    except DuplicateKeyError as error:
        raise ConfigurationError(f"{source}: {error}", "keep the line that is right") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise ConfigurationError(f"{source} cannot be read as YAML: {reason}", "fix the file") from error
    try:
        settings = Settings.model_validate({} if document.values is None else document.values)
    except ValidationError as error:
        wrong = describe_validation(
            error, whole="the whole file", remark=lambda item: explain(item, Settings, document)
        )
        hint = "correct that value" if error.error_count() == 1 else "correct these values"
        raise ConfigurationError(f"{source}: {wrong}", hint) from error
    for name, site in settings.sites.items():
        for doubt in doubts(site):
            _tell_once(f"site {name}: {doubt}")
    return settings


@lru_cache(maxsize=1024)
def _tell_once(doubt: str) -> None:
    """Log a doubt, once in a process: a service reads its settings every few seconds."""
    _log.warning(doubt)
