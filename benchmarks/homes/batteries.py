"""The batteries that benchmarks on money run with: what people own, and the large one of the first figures."""

from dataclasses import dataclass

from darkstar_pipeline.config.battery import BatterySettings
from darkstar_pipeline.config.site import SiteSettings
from env.site import Site


@dataclass(frozen=True)
class BenchBattery:
    """A battery as sold, everything else as `darkstar init --yes` writes it.

    Attributes:
        capacity_kwh: nominal capacity [kWh].
        power_kw: charging and discharging [kW].
    """

    capacity_kwh: float
    power_kw: float

    @property
    def suffix(self) -> str:
        """End of the names of its figures; that of `LARGE` is empty, so that they keep theirs."""
        return "" if self == LARGE else f"_{self.capacity_kwh:g}kwh"

    def site(self) -> Site:
        """Return a bench site with it."""
        settings = BatterySettings(capacity_kwh=self.capacity_kwh, charge_kw=self.power_kw, discharge_kw=self.power_kw)
        return SiteSettings(battery=settings).site("bench")


LARGE = BenchBattery(34.2, 8.0)
USUAL = BenchBattery(10.0, 5.0)
BATTERIES = (BenchBattery(5.0, 2.5), USUAL, BenchBattery(15.0, 5.0), LARGE)
