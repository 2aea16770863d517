"""The inverter contract (DESIGN) sentence by sentence: a command, a house, and what must happen.

The battery: 1-9 kWh usable, 1 kWh a slot either way, 0.9 of the charged arrives, 0.8 of the stored is delivered; so one
kWh charged adds 0.9, one kWh discharged takes 1.25. Commands are in kW (a quarter as many kWh a slot), the rest in kWh.
"""

from dataclasses import dataclass

from env.site import Limits

NO_LIMITS = Limits()


@dataclass(frozen=True, kw_only=True)
class Case:
    """One slot: the command, the house, and the flows that follow; every flow that is left out is zero."""

    command: tuple[float, float, float]
    load: float = 0.0
    pv: float = 0.0
    soc: float = 5.0
    limits: Limits = NO_LIMITS
    export_price: float = 0.5
    import_limit: float | None = None
    imported: float = 0.0
    exported: float = 0.0
    charge: float = 0.0
    discharge: float = 0.0
    curtailed: float = 0.0
    soc_end: float = 5.0
    clamped: float = 0.0
    breach: float = 0.0


ALL = 99.0  # kW: more than there is
CURTAILABLE = Limits(curtailable=True)
LIMITABLE = Limits(takes_import_limit=True)

CASES = {
    # "surplus is exported first up to export_kw, the rest charges the battery": 1.0 over, 0.5 out, 0.5 x 0.9 stored
    "surplus is exported first, the rest charges": Case(
        command=(0, 0, 2), load=0.2, pv=1.2, exported=0.5, charge=0.5, soc_end=5.45
    ),
    "surplus charges without an export command": Case(command=(0, 0, 0), load=0.2, pv=0.8, charge=0.6, soc_end=5.54),
    # "what does not fit is exported if allowed, else curtailed": 1.5 over, 1 fits
    "what does not fit is exported": Case(
        command=(0, 0, 0), pv=1.5, exported=0.5, charge=1.0, soc_end=5.9, clamped=0.5
    ),
    "what does not fit is curtailed under an export ban": Case(
        command=(0, 0, 0), pv=1.5, limits=Limits(export_kw=0), curtailed=0.5, charge=1.0, soc_end=5.9, clamped=0.5
    ),
    "what does not fit is exported up to the limit": Case(
        command=(0, 0, 0),
        pv=1.5,
        limits=Limits(export_kw=1),
        exported=0.25,
        curtailed=0.25,
        charge=1.0,
        soc_end=5.9,
        clamped=0.5,
    ),
    "what does not fit a full battery is exported": Case(
        command=(0, 4, 0), load=0.1, pv=0.7, soc=9.0, exported=0.6, soc_end=9.0, clamped=0.6
    ),
    # "deficit is met from the battery up to discharge_kw"
    "deficit is met up to discharge_kw": Case(command=(0, 2, 0), load=0.8, imported=0.3, discharge=0.5, soc_end=4.375),
    "deficit is met in full": Case(command=(0, 4, 0), load=1.0, pv=0.4, discharge=0.6, soc_end=4.25),
    # "with deficit met, the battery may feed the grid up to what is left of both export_kw and discharge_kw"
    "grid is fed up to export_kw": Case(command=(0, 4, 1), load=0.4, exported=0.25, discharge=0.65, soc_end=4.1875),
    "grid is fed up to what is left of discharge_kw": Case(
        command=(0, 2, 4), load=0.4, exported=0.1, discharge=0.5, soc_end=4.375
    ),
    "grid is not fed while the deficit is not met": Case(
        command=(0, 1, 4), load=0.4, imported=0.15, discharge=0.25, soc_end=4.6875
    ),
    "battery joins a surplus that is all exported": Case(
        command=(0, 4, 8), load=0.2, pv=0.5, exported=1.3, discharge=1.0, soc_end=3.75
    ),
    "battery takes no part while some surplus charges it": Case(
        command=(0, 4, 1), load=0.2, pv=0.8, exported=0.25, charge=0.35, soc_end=5.315
    ),
    # "charge_kw > 0 charges the battery at that power in total, surplus first and the grid for the rest"
    "grid charges in a deficit": Case(command=(2, 0, 0), load=0.3, imported=0.8, charge=0.5, soc_end=5.45),
    "surplus charges first and the grid the rest": Case(
        command=(4, 0, 0), load=0.2, pv=0.6, imported=0.6, charge=1.0, soc_end=5.9
    ),
    "surplus charges before it is exported": Case(command=(3, 0, 2), pv=1.0, exported=0.25, charge=0.75, soc_end=5.675),
    # "more if the surplus alone is more"
    "surplus charges more than commanded": Case(command=(1, 0, 0), pv=0.7, charge=0.7, soc_end=5.63),
    "surplus left by the export charges more than commanded": Case(
        command=(1, 0, 2), pv=1.0, exported=0.5, charge=0.5, soc_end=5.45
    ),
    # "and then it does not discharge"
    "charging does not discharge": Case(command=(2, 4, 4), load=0.3, imported=0.8, charge=0.5, soc_end=5.45),
    # the four commands with names
    "self-consumption in a deficit": Case(command=(0, 4, 0), load=0.8, discharge=0.8, soc_end=4.0),
    "self-consumption in a surplus": Case(command=(0, 4, 0), pv=0.8, charge=0.8, soc_end=5.72),
    "hold in a deficit": Case(command=(0, 0, 0), load=0.8, imported=0.8),
    "sell surplus but keep the battery": Case(command=(0, 0, ALL), load=0.1, pv=0.8, exported=0.7),
    "keep the battery in a deficit": Case(command=(0, 0, ALL), load=0.8, imported=0.8),
    "sell from the battery": Case(
        command=(0, ALL, ALL), load=0.4, exported=0.6, discharge=1.0, soc_end=3.75, clamped=24.75 - 1.0
    ),
    # "Fuse, inverter, SoC and power limits clamp, always, and the clamping is reported": stored energy
    "nothing is taken below the minimum": Case(
        command=(0, 4, 0), load=1.0, soc=1.4, imported=0.68, discharge=0.32, soc_end=1.0, clamped=0.68
    ),
    "nothing is stored above the maximum": Case(
        command=(4, 0, 0), soc=8.91, imported=0.1, charge=0.1, soc_end=9.0, clamped=0.9
    ),
    "an empty battery gives nothing": Case(
        command=(0, 4, 4), load=0.3, soc=1.0, imported=0.3, soc_end=1.0, clamped=1.0
    ),
    "below the minimum it only charges": Case(
        command=(0, 4, 0), load=0.3, soc=0.5, imported=0.3, soc_end=0.5, clamped=0.3
    ),
    "from below the minimum it charges": Case(command=(4, 0, 0), soc=0.5, imported=1.0, charge=1.0, soc_end=1.4),
    "above the maximum it only discharges": Case(
        command=(4, 0, 0), pv=0.4, soc=9.5, exported=0.4, soc_end=9.5, clamped=1.0
    ),
    "from above the maximum it discharges": Case(command=(0, 4, 0), load=0.4, soc=9.5, discharge=0.4, soc_end=9.0),
    # power
    "charging keeps to its power": Case(
        command=(ALL, 0, 0), imported=1.0, charge=1.0, soc_end=5.9, clamped=24.75 - 1.0
    ),
    "discharging keeps to its power": Case(
        command=(0, ALL, 0), load=1.5, imported=0.5, discharge=1.0, soc_end=3.75, clamped=0.5
    ),
    "negative commands are none": Case(command=(-3, -3, -3), load=0.4, imported=0.4),
    # the fuse, 1 kWh a slot: charging gives way, then the battery helps out
    "charging gives way to the fuse": Case(
        command=(4, 0, 0), load=0.6, limits=Limits(import_kw=4), imported=1.0, charge=0.4, soc_end=5.36, clamped=0.6
    ),
    "battery helps out above the fuse": Case(
        command=(0, 0, 0), load=1.5, limits=Limits(import_kw=4), imported=1.0, discharge=0.5, soc_end=4.375
    ),
    "charging stops and the battery helps out above the fuse": Case(
        command=(4, 0, 0), load=1.5, limits=Limits(import_kw=4), imported=1.0, discharge=0.5, soc_end=4.375, clamped=1.0
    ),
    "what the battery cannot hold back is a breach": Case(
        command=(0, 0, 0), load=2.5, limits=Limits(import_kw=4), imported=1.5, discharge=1.0, soc_end=3.75, breach=0.5
    ),
    "an empty battery breaches": Case(
        command=(0, 0, 0), load=1.2, soc=1.0, limits=Limits(import_kw=4), imported=1.2, soc_end=1.0, breach=0.2
    ),
    # a commanded import limit, 0.5 kWh a slot: as the fuse, but above it nothing is breached
    "charging gives way to a commanded limit": Case(
        command=(4, 0, 0),
        load=0.2,
        limits=LIMITABLE,
        import_limit=2,
        imported=0.5,
        charge=0.3,
        soc_end=5.27,
        clamped=0.7,
    ),
    "battery told to hold helps above a commanded limit": Case(
        command=(0, 0, 0), load=0.9, limits=LIMITABLE, import_limit=2, imported=0.5, discharge=0.4, soc_end=4.5
    ),
    "surplus charges under a commanded limit of nothing": Case(
        command=(4, 0, 0), load=0.2, pv=0.6, limits=LIMITABLE, import_limit=0, charge=0.4, soc_end=5.36, clamped=0.6
    ),
    "what an empty battery cannot hold back is no breach": Case(
        command=(0, 0, 0), load=0.9, soc=1.0, limits=LIMITABLE, import_limit=2, imported=0.9, soc_end=1.0
    ),
    "fuse holds below a commanded limit": Case(
        command=(4, 0, 0),
        load=0.1,
        limits=Limits(import_kw=1, takes_import_limit=True),
        import_limit=2,
        imported=0.25,
        charge=0.15,
        soc_end=5.135,
        clamped=0.85,
    ),
    "an inverter that takes no limit does not follow it": Case(
        command=(4, 0, 0), load=0.2, import_limit=2, imported=1.2, charge=1.0, soc_end=5.9
    ),
    # export limit, 0.25 kWh a slot
    "surplus beyond the export limit charges": Case(
        command=(0, 0, 4), pv=1.0, limits=Limits(export_kw=1), exported=0.25, charge=0.75, soc_end=5.675, clamped=0.75
    ),
    "battery feeds the grid up to the export limit": Case(
        command=(0, 4, 4),
        load=0.4,
        limits=Limits(export_kw=1),
        exported=0.25,
        discharge=0.65,
        soc_end=4.1875,
        clamped=0.35,
    ),
    "battery feeds no grid under an export ban": Case(
        command=(0, 4, 4), load=0.4, limits=Limits(export_kw=0), discharge=0.4, soc_end=4.5, clamped=0.6
    ),
    # the inverter, 0.5 kWh a slot on the alternating-current side, shared by PV and battery
    "PV beyond the inverter is lost": Case(
        command=(0, 0, ALL), load=0.2, pv=1.0, limits=Limits(inverter_kw=2), exported=0.3, curtailed=0.5
    ),
    "PV beyond the inverter charges, on its own side": Case(
        command=(0, 0, 0), load=0.2, pv=1.0, limits=Limits(inverter_kw=2), charge=0.8, soc_end=5.72
    ),
    "PV beyond the inverter is imported again": Case(
        command=(0, 4, 0), load=1.2, pv=1.0, limits=Limits(inverter_kw=2), imported=0.7, curtailed=0.5, clamped=0.2
    ),
    "discharge has what PV leaves of the inverter": Case(
        command=(0, 4, 0),
        load=1.3,
        pv=0.3,
        limits=Limits(inverter_kw=2),
        imported=0.8,
        discharge=0.2,
        soc_end=4.75,
        clamped=0.8,
    ),
    "grid charges through the inverter": Case(
        command=(4, 0, 0), limits=Limits(inverter_kw=2), imported=0.5, charge=0.5, soc_end=5.45, clamped=0.5
    ),
    "PV adds to what the inverter charges": Case(
        command=(4, 0, 0), pv=0.3, limits=Limits(inverter_kw=2), imported=0.5, charge=0.8, soc_end=5.72, clamped=0.2
    ),
    "inverter and fuse together breach": Case(
        command=(0, 4, 0),
        load=2.0,
        pv=1.0,
        limits=Limits(inverter_kw=2, import_kw=4),
        imported=1.5,
        curtailed=0.5,
        breach=0.5,
        clamped=1.0,
    ),
    # curtailable panels and a negative export price
    "surplus is curtailed where exporting costs": Case(
        command=(0, 0, ALL), load=0.1, pv=0.7, limits=CURTAILABLE, export_price=-0.1, curtailed=0.6
    ),
    "surplus is exported at a loss where it cannot be curtailed": Case(
        command=(0, 0, ALL), load=0.1, pv=0.7, export_price=-0.1, exported=0.6
    ),
    "surplus is exported at a price of zero": Case(
        command=(0, 0, ALL), load=0.1, pv=0.7, limits=CURTAILABLE, export_price=0.0, exported=0.6
    ),
    "what does not fit is curtailed where exporting costs": Case(
        command=(0, 4, 0),
        pv=1.5,
        limits=CURTAILABLE,
        export_price=-0.1,
        curtailed=0.5,
        charge=1.0,
        soc_end=5.9,
        clamped=0.5,
    ),
    "battery sells at a loss where commanded, its surplus is curtailed": Case(
        command=(0, 4, 4),
        pv=0.2,
        limits=CURTAILABLE,
        export_price=-0.1,
        exported=0.8,
        discharge=0.8,
        curtailed=0.2,
        soc_end=4.0,
    ),
    "nothing happens where nobody is home": Case(command=(0, 4, 0)),
}
