"""The state of the car at a moment."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class CarState:
    """The car as it was read last; None where something is not known.

    Attributes:
        plugged: whether it is plugged in.
        soc_percent: its state of charge [%].
        soc_at: when that was read.
        power_kw: what its charger draws now [kW].
        charged_kwh: what it has drawn since it came [kWh].
    """

    plugged: bool | None = None
    soc_percent: float | None = None
    soc_at: datetime | None = None
    power_kw: float | None = None
    charged_kwh: float = 0.0
