"""Homes with one battery and known prices, load and PV; the shape of `quarter_hour_homes.json`.

Wear is counted on the stored kWh when charging, and on nothing when discharging. What is stored by charging is what is
drawn plus what the store gained, so the same cost is stated as a cost of cycles, with the end worth less by the wear.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

import polars as pl

from benchmarks.arena.shapes import Part, refused
from env.battery import Battery
from env.site import Limits, Site
from env.tariff import Tariff, TariffVersion
from env.time_grid import SLOT, SLOT_HOURS

LEAST_SLOT_HOURS, MOST_SLOT_HOURS = 1 / 60, 24.0
FIRST = datetime(2026, 1, 1, tzinfo=UTC)  # cases have no clock; the verifier wants slots in a row


@dataclass(frozen=True)
class Published:
    """The figures that were published for a case; None where one was not.

    Attributes:
        grid_only_cost: without battery and panels [money].
        cost: of the schedule, wear included, without the value of its end [money].
        charged_kwh: of all slots [kWh].
        discharged_kwh: the same.
    """

    grid_only_cost: float | None
    cost: float | None
    charged_kwh: float | None
    discharged_kwh: float | None


@dataclass(frozen=True)
class HomeCase:
    """One home over some slots; series `(n_slots,)`.

    Attributes:
        name: of the case.
        slots: `import_price`, `export_price` [money/kWh], `load_kwh`, `pv_kwh` [kWh].
        site: battery and inverter; powers are per quarter of an hour, whatever the slots' length, so that the energy
            of a slot is right.
        slot_hours: length of a slot [h].
        start_kwh: stored at the start [kWh].
        wear: cost of a kWh stored by charging [money/kWh].
        end_value: of a stored kWh at the end [money/kWh].
        published: the figures that others published.
    """

    name: str
    slots: pl.DataFrame
    site: Site
    slot_hours: float
    start_kwh: float
    wear: float
    end_value: float
    published: Published

    @property
    def settled_value(self) -> float:
        """Value of a stored kWh at the end where wear is counted as it is drawn [money/kWh]."""
        return self.end_value - self.wear

    @cached_property
    def grid_only_cost(self) -> float:
        """The cost of the load without panels and battery [money]."""
        return float((self.slots["load_kwh"] * self.slots["import_price"]).sum())

    @property
    def published_net_cost(self) -> float | None:
        """The published cost net of what was stored at its end [money]; None where it does not follow."""
        told, battery = self.published, self.site.battery
        if told.cost is None:
            return None
        if self.end_value == 0:
            return told.cost
        if told.charged_kwh is None or told.discharged_kwh is None:
            return None
        gained = told.charged_kwh * battery.charge_efficiency - told.discharged_kwh / battery.discharge_efficiency
        return told.cost - self.end_value * (self.start_kwh + gained)

    def cost(self, schedule: pl.DataFrame) -> float:
        """The cost of a schedule in the terms of the case, without the value of its end [money]."""
        bought = schedule["import_kwh"] * schedule["import_price"] - schedule["export_kwh"] * schedule["export_price"]
        return float(bought.sum()) + self.wear * self.site.battery.charge_efficiency * float(
            schedule["charge_kwh"].sum()
        )

    def net_cost(self, schedule: pl.DataFrame) -> float:
        """The cost of a schedule net of what is stored at its end [money]."""
        return self.cost(schedule) - self.end_value * float(schedule["soc_end_kwh"][-1])


def read_home_case(part: Part) -> HomeCase:
    """Return a case of a file.

    Raises:
        DataRefusedError: a key is missing or a value is wrong; says where.
    """
    slot_hours = part.number("slot_hours", least=LEAST_SLOT_HOURS, most=MOST_SLOT_HOURS)
    import_price = part.series("import_price")
    length = len(import_price)
    slots = pl.DataFrame(
        {
            "slot_start": pl.datetime_range(
                FIRST, FIRST + (length - 1) * SLOT, SLOT, time_unit="us", time_zone="UTC", eager=True
            ),
            "import_price": import_price,
            "export_price": part.series("export_price", length=length),
            "load_kwh": part.series("load_kwh", least=0.0, length=length),
            "pv_kwh": part.series("pv_kwh", least=0.0, length=length),
        }
    )
    battery = part.part("battery")
    told = part.part("published") if part.has("published") else Part(part.place, {})
    wear = battery.number("wear_per_stored_kwh_charged", least=0.0)
    stores = _battery(battery, slot_hours, wear)
    inverter = battery.maybe("inverter_ac_kw", least=0.0)
    return HomeCase(
        name=part.text("name"),
        slots=slots,
        site=Site(
            name="arena",
            timezone="UTC",
            currency="money",
            battery=stores,
            tariff=Tariff((TariffVersion(valid_from=FIRST.date(), vat=0.0, transfer_fee=0.0, energy_tax=0.0),)),
            limits=Limits(inverter_kw=None if inverter is None else inverter * slot_hours / SLOT_HOURS),
        ),
        slot_hours=slot_hours,
        start_kwh=battery.number("start_soc_kwh", least=0.0),
        wear=wear,
        end_value=part.number("end_value_per_stored_kwh"),
        published=Published(
            told.maybe("grid_only_cost"),
            told.maybe("cost"),
            told.maybe("charged_kwh", least=0.0),
            told.maybe("discharged_kwh", least=0.0),
        ),
    )


def _battery(part: Part, slot_hours: float, wear: float) -> Battery:
    most = part.number("max_soc_kwh", least=0.0)
    least = part.number("min_soc_kwh", least=0.0)
    if least > most:
        raise refused(part.place, f"min_soc_kwh {least:g} is above max_soc_kwh {most:g}", "correct one of them")
    charge, discharge = (part.number(f"{way}_efficiency", most=1.0) for way in ("charge", "discharge"))
    for way, efficiency in (("charge", charge), ("discharge", discharge)):
        if efficiency <= 0:
            raise refused(
                f"{part.place}: {way}_efficiency", f"must be above 0, got {efficiency:g}", "correct the value"
            )
    return Battery(
        capacity_kwh=most,
        min_soc_kwh=least,
        max_soc_kwh=most,
        charge_kw=part.number("charge_kw", least=0.0) * slot_hours / SLOT_HOURS,
        discharge_kw=part.number("discharge_kw", least=0.0) * slot_hours / SLOT_HOURS,
        charge_efficiency=charge,
        discharge_efficiency=discharge,
        cycle_cost=wear * most,
    )
