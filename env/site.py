"""A home, physically and contractually: battery, grid and inverter limits, tariff, clock."""

import math
from dataclasses import dataclass, replace
from typing import Protocol

from env.battery import Battery, Energy
from env.care import NO_CARE, Care
from env.devices import NO_DEVICES, Devices
from env.errors import LimitsError
from env.tariff import Tariff
from env.types import Mask


class Connection(Protocol):
    """The connection behind a command: the limits of one home, or one a home `(n_homes,)`; members as `Limits`'."""

    @property
    def import_kw(self) -> float | Energy | None: ...  # noqa: D102 - the members are described once, in `Limits`
    @property
    def export_kw(self) -> float | Energy | None: ...  # noqa: D102 - documented by `Limits`
    @property
    def inverter_kw(self) -> float | Energy | None: ...  # noqa: D102 - documented by `Limits`
    @property
    def curtailable(self) -> bool | Mask: ...  # noqa: D102 - documented by `Limits`
    @property
    def takes_import_limit(self) -> bool | Mask: ...  # noqa: D102 - documented by `Limits`


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits of connection and inverter; None means no limit.

    Attributes:
        import_kw: the fuse, as power drawn from the grid [kW].
        export_kw: power fed into the grid [kW]; 0 is an export ban.
        inverter_kw: alternating-current power of the hybrid inverter that PV and battery share [kW].
        curtailable: whether surplus may be curtailed rather than exported at a negative price.
        takes_import_limit: whether a command may hold a limit of the import that the inverter keeps inside the slot.

    Raises:
        LimitsError: a limit is negative or not finite.
    """

    import_kw: float | None = None
    export_kw: float | None = None
    inverter_kw: float | None = None
    curtailable: bool = False
    takes_import_limit: bool = False

    def __post_init__(self) -> None:
        """Refuse limits that are no power."""
        for name in ("import_kw", "export_kw", "inverter_kw"):
            value = getattr(self, name)
            if value is not None and not (value >= 0 and math.isfinite(value)):
                message = f"{name} must be a finite number of at least 0, or None for no limit, got {value}"
                raise LimitsError(message)


@dataclass(frozen=True, kw_only=True)
class Site:
    """One home.

    Attributes:
        name: its name in `darkstar.yaml`.
        timezone: IANA zone whose calendar days are the home's days.
        currency: currency of every price and cost.
        battery: the one behind the inverter that takes commands.
        extra_batteries: further ones on the alternating-current side; plans use them, commands do not.
        devices: loads that plans may move.
        care: reserve, full charges and resting of the battery that takes commands.
    """

    name: str
    timezone: str
    currency: str
    battery: Battery
    tariff: Tariff
    limits: Limits = Limits()
    extra_batteries: tuple[Battery, ...] = ()
    devices: Devices = NO_DEVICES
    care: Care = NO_CARE

    @property
    def commanded(self) -> "Site":
        """The home as commands move it: one battery, and no load that only plans move."""
        return replace(self, extra_batteries=(), devices=NO_DEVICES)
