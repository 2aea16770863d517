"""Bills worked on paper: the commands to a home, and the cost of every part.

Unless a case says otherwise an imported kWh costs (spot + 0.2 + 0.4) x 1.25 and an exported one earns the spot price:
at a spot of 0.2 that is 1.0 and 0.2. The battery is that of `inverter_contract`: 0.1 per kWh charged or discharged,
5 kWh stored.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import polars as pl

from env.site import Limits
from env.tariff import Tariff, TariffVersion, TimeOfUse
from env.time_grid import SLOT, SLOT_DTYPE, grid

STOCKHOLM = "Europe/Stockholm"
ALL = 99.0
FEES = TariffVersion(valid_from=date(2020, 1, 1), vat=0.25, transfer_fee=0.2, energy_tax=0.4)
PLAIN = Tariff((FEES,))
NO_LIMITS = Limits()
# From one to six o'clock the fee is 1.0: at a spot of 0.2 a kWh costs (0.2 + 1.0 + 0.4) x 1.25 = 2.0.
DEAR_NIGHT = replace(FEES, time_of_use=(TimeOfUse(start_minute=60, end_minute=360, transfer_fee=1.0),))


@dataclass(frozen=True, kw_only=True)
class Slot:
    """One slot, or one repeated through a day."""

    command: tuple[float, float, float] = (0, 0, 0)
    spot: float = 0.2
    load: float = 0.0
    pv: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Bill:
    """Slots from a start on, or the same slot through a whole local day, and what they cost together."""

    slots: tuple[Slot, ...]
    cost: float
    soc_end: float = 5.0
    start: str = "2026-06-01T10:00"
    whole_day: date | None = None
    tariff: Tariff = PLAIN
    limits: Limits = NO_LIMITS

    def frame(self) -> pl.DataFrame:
        """The slots with their start, spot price, load, PV and command."""
        if self.whole_day is not None:
            starts = grid(self.whole_day, self.whole_day, STOCKHOLM)["slot_start"]
            slots = self.slots * len(starts)
        else:
            first = datetime.fromisoformat(self.start).replace(tzinfo=UTC)
            starts = pl.Series("slot_start", [first + i * SLOT for i in range(len(self.slots))], dtype=SLOT_DTYPE)
            slots = self.slots
        columns = {"price": "spot", "load_kwh": "load", "pv_kwh": "pv"}
        commands = {
            name: [float(slot.command[i]) for slot in slots] for i, name in enumerate(("charge", "discharge", "export"))
        }
        values = {name: [float(getattr(slot, field)) for slot in slots] for name, field in columns.items()}
        return pl.DataFrame({"slot_start": starts, **values, **commands})


BILLS = {
    # 0.8 x 1.0
    "an imported kWh": Bill(slots=(Slot(load=0.8),), cost=0.8),
    # 0.5 over, exported at 0.2
    "an exported kWh": Bill(slots=(Slot(command=(0, 0, ALL), load=0.3, pv=0.8),), cost=-0.1),
    # charge 1 kWh: 1.0 + 0.1 wear, 5.9 stored; then cover 1 kWh that would cost (0.6 + 0.6) x 1.25: 0.1 wear
    "wear on the way in and out": Bill(
        slots=(Slot(command=(4, 0, 0)), Slot(command=(0, 4, 0), spot=0.6, load=1.0)), cost=1.2, soc_end=5.9 - 1.25
    ),
    # spot -1: buying costs (-1 + 0.6) x 1.25 = -0.5. 0.2 load + 1 charged: 1.2 x -0.5 + 0.1 wear
    "buying is paid for": Bill(slots=(Slot(command=(4, 0, 0), spot=-1.0, load=0.2),), cost=-0.5, soc_end=5.9),
    # spot -1: 0.5 over, exported at -1
    "selling costs": Bill(slots=(Slot(command=(0, 0, ALL), spot=-1.0, load=0.1, pv=0.6),), cost=0.5),
    # the same, curtailed
    "exporting would cost and PV is curtailed": Bill(
        slots=(Slot(command=(0, 0, ALL), spot=-1.0, load=0.1, pv=0.6),), cost=0.0, limits=Limits(curtailable=True)
    ),
    # spot 0: 0.4 x (0 + 0.6) x 1.25 = 0.3, then 0.5 exported for nothing
    "a spot price of zero": Bill(
        slots=(Slot(spot=0.0, load=0.4), Slot(command=(0, 0, ALL), spot=0.0, pv=0.5)), cost=0.3
    ),
    # 1.5 over: 1 charged, 0.1 wear, 0.5 curtailed
    "an export ban": Bill(slots=(Slot(pv=1.5),), cost=0.1, soc_end=5.9, limits=Limits(export_kw=0)),
    # exported at 0.5 x 0.8 + 0.1 - 0.03 = 0.47: of 1 kWh discharged 0.2 for the house; 0.1 - 0.8 x 0.47
    "selling from the battery, with share, bonus and fee": Bill(
        slots=(Slot(command=(0, 4, 4), spot=0.5, load=0.2),),
        cost=-0.276,
        soc_end=3.75,
        tariff=Tariff((replace(FEES, export_share=0.8, export_bonus=0.1, export_fee=0.03),)),
    ),
    # 1 kWh a slot: 0.6 for the house, 0.4 charged; 1.0 x 1.0 + 0.4 x 0.1
    "a fuse": Bill(slots=(Slot(command=(4, 0, 0), load=0.6),), cost=1.04, soc_end=5.36, limits=Limits(import_kw=4)),
    # the first at (0.2 + 0.6) x 1.25, the second, in the new year, at (0.2 + 1.2 + 0.4) x 1.25 = 2.25
    "new fees at local midnight": Bill(
        slots=(Slot(load=1.0), Slot(load=1.0)),
        cost=3.25,
        start="2026-12-31T22:45",
        tariff=Tariff((FEES, replace(FEES, valid_from=date(2027, 1, 1), transfer_fee=1.2))),
    ),
    # 92 x 0.5 x 1.0
    "a day of 92 slots": Bill(slots=(Slot(load=0.5),), cost=46.0, whole_day=date(2026, 3, 29)),
    # of the dear hours 1-6 one is skipped: 16 slots at 2.0, 76 at 1.0, half a kWh each
    "a dear night of 92 slots": Bill(
        slots=(Slot(load=0.5),), cost=54.0, whole_day=date(2026, 3, 29), tariff=Tariff((DEAR_NIGHT,))
    ),
    # 100 x 0.5 x 1.0
    "a day of 100 slots": Bill(slots=(Slot(load=0.5),), cost=50.0, whole_day=date(2026, 10, 25)),
    # one comes twice: 24 slots at 2.0, 76 at 1.0
    "a dear night of 100 slots": Bill(
        slots=(Slot(load=0.5),), cost=62.0, whole_day=date(2026, 10, 25), tariff=Tariff((DEAR_NIGHT,))
    ),
    # 4 usable kWh deliver 3.2: 32 of 100 slots are covered, wear 0.32; 68 x 0.1 x 1.0 are imported
    "a day of 100 slots on the battery": Bill(
        slots=(Slot(command=(0, 4, 0), load=0.1),), cost=7.12, soc_end=1.0, whole_day=date(2026, 10, 25)
    ),
    # spot -1, exports at -1: 0.4 over. 4 kWh fit, 4 / 0.9 charged: 11.111 slots full of surplus, wear 0.444; the other
    # 92 x 0.4 - 4.444 = 32.356 kWh are exported at -1
    "a day of 92 slots of negative prices": Bill(
        slots=(Slot(spot=-1.0, load=0.1, pv=0.5),),
        cost=92 * 0.4 - 4 / 0.9 + 4 / 0.9 * 0.1,
        soc_end=9.0,
        whole_day=date(2026, 3, 29),
    ),
}
