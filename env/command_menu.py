"""The commands that are chosen among: some two dozen, since the inverter follows the house inside each.

Of equal ones the first is meant, so the gentler stand first. Choosing among them loses nothing measurable against
continuous powers.
"""

import numpy as np

from env.inverter import Command
from env.site import Site

LEVELS = 8  # powers are chosen in eighths
UNLIMITED_EXPORT_KW = 99.0  # "all there is" where nothing limits the export: above any home's connection
MENU_NAMES = (
    "self_consumption",
    "hold",
    "sell_surplus",
    *(f"discharge_{level}_8" for level in range(1, LEVELS)),
    *(f"charge_{level}_8" for level in range(1, LEVELS + 1)),
    *(f"sell_{level}_8" for level in range(1, LEVELS + 1)),
)


def full_export_kw(site: Site) -> float:
    """The `export_kw` that means "all there is" at this site [kW].

    Not less for a small inverter: commanded to export less than the surplus, it would charge what it could not export.
    """
    return UNLIMITED_EXPORT_KW if site.limits.export_kw is None else site.limits.export_kw


def command_menu(site: Site) -> Command:
    """Return the candidate commands of a home, in the order of `MENU_NAMES` `(n_commands,)` [kW]."""
    most, charge, everything = site.battery.discharge_kw, site.battery.charge_kw, full_export_kw(site)
    shares = [level / LEVELS for level in range(1, LEVELS + 1)]
    commands = [(0.0, most, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, everything)]
    commands += [(0.0, most * share, 0.0) for share in shares[:-1]]
    commands += [(charge * share, 0.0, 0.0) for share in shares]
    commands += [(0.0, most * share, everything) for share in shares]
    return Command(*(np.array(power) for power in zip(*commands, strict=True)))
