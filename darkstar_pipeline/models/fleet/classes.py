"""Classes of homes: what two homes must have in common for one model to serve both.

A learned policy observes everything in the scale of the day's prices and of the battery, so that size, zone and season
need not agree. What has to agree: the tariff with its currency, which decides what is worth doing; whether there are
panels; whether the battery fills within hours or over a day; and the version of the state and of the actions.
"""

import logging
from collections.abc import Iterable, Mapping

from darkstar_pipeline.config.fingerprints import tariff_version
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import ConfigurationError

_log = logging.getLogger(__name__)

STATE, ACTION = "v2", "correction"
"""State and form of actions of pooled policies."""
FAST_HOURS = 3.0
"""Time to fill the usable range at full power, up to which a battery is fast: it can follow single dear hours [h]."""
PREFIX = "class-"
"""What the name of a class's place among sites begins with, in MLflow and in the state folder."""


def class_of(settings: SiteSettings) -> str:
    """Return the class of a home: currency, tariff, panels, form of the battery, state and actions.

    A home of which nobody says whether it has panels counts as one with panels, as `has_pv: null` does elsewhere until
    readings say otherwise.

    >>> class_of(SiteSettings())
    'sek-912efb44a97f-pv-slow-v2'
    """
    battery = settings.battery.battery()
    usable = battery.max_soc_kwh - battery.min_soc_kwh
    fast = battery.charge_kw > 0 and usable / battery.charge_kw <= FAST_HOURS
    parts = (
        "".join(letter for letter in settings.currency.lower() if letter.isalnum()) or "money",
        tariff_version(settings),
        "no_pv" if settings.has_pv is False else "pv",
        "fast" if fast else "slow",
        STATE,
    )
    return "-".join(parts)


def pays_for_power(settings: SiteSettings) -> bool:
    """Return whether a home has a demand charge: its class has no model then, since no learned policy sees one."""
    return any(version.power for version in settings.tariff)


def homes_by_class(homes: Mapping[str, SiteSettings], sites: Iterable[str] | None = None) -> dict[str, list[str]]:
    """Return the homes of each class, classes and homes in order of their names; one with wrong settings is in none.

    Args:
        homes: settings by site.
        sites: the homes to look at; None for all.
    """
    found: dict[str, list[str]] = {}
    for site in sorted(homes if sites is None else sites):
        try:
            found.setdefault(class_of(homes[site]), []).append(site)
        except ConfigurationError as error:
            _log.warning("in no class: %s", error.message)
    return dict(sorted(found.items()))
