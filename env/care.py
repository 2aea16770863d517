"""The care of a battery: energy kept for outages, full charges, and how full it rests."""

from dataclasses import dataclass, field

from env.battery import Battery
from env.errors import EnvError, LimitsError
from env.power_tariff import PowerWindow

_MOST_PERCENT = 100.0
_ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class ReserveRule:
    """Energy that is kept for outages in some hours.

    Attributes:
        percent: share of the capacity above the battery's minimum that is not used [%].
        window: months, weekdays and hours that it holds in.

    Raises:
        LimitsError: the share is none.
    """

    percent: float
    window: PowerWindow = field(default_factory=PowerWindow)

    def __post_init__(self) -> None:
        """Refuse a share of less than nothing or more than all."""
        if not 0 <= self.percent <= _MOST_PERCENT:
            message = f"a reserve must be 0 to 100 % above the minimum, got {self.percent:g}"
            raise LimitsError(message)


class ReserveError(EnvError):
    """A reserve of more than the battery has between its minimum and its maximum."""

    code = "usage"
    hint = "ask for less, or raise battery.max_soc_percent"


def check_reserve(percent: float, battery: Battery) -> None:
    """Refuse a reserve that the battery's range cannot hold, whoever asks for it.

    Args:
        percent: share of the capacity above the minimum [%].
        battery: the one that is to keep it.

    Raises:
        ReserveError: it is one.
    """
    least, most = (100 * kwh / battery.capacity_kwh for kwh in (battery.min_soc_kwh, battery.max_soc_kwh))
    if percent > most - least + _ROUNDING:
        message = (
            f"a reserve of {percent:g} % above min_soc_percent {least:g} is more than max_soc_percent {most:g} leaves: "
            f"at most {most - least:g}"
        )
        raise ReserveError(message)


@dataclass(frozen=True, kw_only=True)
class Care:
    """The care of the battery behind the inverter.

    Attributes:
        reserve: energy kept for outages; of the rules that hold in a slot the highest counts.
        full_charge_days: days within which the battery is full once; None for no such wish.
        resting_soc_percent: state of charge above which it should not rest; None for no such wish [%].
    """

    reserve: tuple[ReserveRule, ...] = ()
    full_charge_days: int | None = None
    resting_soc_percent: float | None = None

    @property
    def wanted(self) -> bool:
        """Return whether there is any wish."""
        return bool(self.reserve) or self.full_charge_days is not None or self.resting_soc_percent is not None


NO_CARE = Care()
