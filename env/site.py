"""What a home is, physically and contractually: battery, grid and inverter limits, tariff, clock."""

from dataclasses import dataclass

from env.battery import Battery
from env.tariff import Tariff


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What the connection and the inverter allow; None means no limit.

    Attributes:
        import_kw: the fuse, as power drawn from the grid [kW].
        export_kw: power fed into the grid [kW]; 0 is an export ban.
        inverter_kw: alternating-current power of the hybrid inverter that PV and battery share [kW].
        curtailable: whether surplus may be spilled rather than exported at a negative price.
    """

    import_kw: float | None = None
    export_kw: float | None = None
    inverter_kw: float | None = None
    curtailable: bool = False


@dataclass(frozen=True, kw_only=True)
class Site:
    """One home.

    Attributes:
        name: its name in `darkstar.yaml`.
        timezone: IANA zone whose calendar days are the home's days.
        currency: currency of every price and cost.
    """

    name: str
    timezone: str
    currency: str
    battery: Battery
    tariff: Tariff
    limits: Limits = Limits()
