"""Names of price areas: those of Nord Pool, ENTSO-E and national services for one and the same area."""

import re

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import DataRefusedError

_ALIASES = {
    "OSLO": "NO1",
    "KRSAND": "NO2",
    "KRISTIANSAND": "NO2",
    "MOLDE": "NO3",
    "TRHEIM": "NO3",
    "TRONDHEIM": "NO3",
    "TROMSO": "NO4",
    "TROMSØ": "NO4",
    "BERGEN": "NO5",
    "DE": "DELU",
    "LU": "DELU",
    "GER": "DELU",
    "GERMANY": "DELU",
    "UK": "GB",
    "IESEM": "SEM",
    "IE": "SEM",
    "NIE": "SEM",
    "ITNORD": "ITNORTH",
    "ITCNOR": "ITCENTRENORTH",
    "ITCSUD": "ITCENTRESOUTH",
    "ITSUD": "ITSOUTH",
    "ITSICI": "ITSICILY",
    "ITSARD": "ITSARDINIA",
    "ITCALA": "ITCALABRIA",
}


def same_area(one: str, other: str) -> bool:
    """Return whether two names mean one price area.

    >>> same_area("BZN|SE4", "se4"), same_area("Kr.sand", "NO2"), same_area("DE_LU", "DE"), same_area("SE3", "SE4")
    (True, True, True, False)
    """
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    """A name in capitals, without its market's prefix and punctuation."""
    word = re.sub(r"[^A-ZØ0-9]", "", name.upper().rsplit("|", 1)[-1])
    return _ALIASES.get(word, word)


def refuse_other_area(area: str | None, site: SiteSettings, file: str) -> None:
    """Refuse prices of an area that the site is not in.

    Raises:
        DataRefusedError: the area is not the site's.
    """
    if area is not None and not same_area(area, site.area):
        message = f"{file}: prices of {area} offered, the site is in {site.area}"
        raise DataRefusedError(message, f"use prices of {site.area}, or set the site's area to {area} in darkstar.yaml")
