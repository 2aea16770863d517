"""The energy balance of a home over some time: load = PV + import - export + discharge - charge.

One arithmetic and one sentence, for what an import understood and for what is stored. Hours that do not balance:
`bad_hours`.
"""

from dataclasses import dataclass

import polars as pl

_INTO_HOME = {"pv_kwh": 1.0, "import_kwh": 1.0, "export_kwh": -1.0, "batt_discharge_kwh": 1.0, "batt_charge_kwh": -1.0}
_APPLIANCES = {"water_kwh": "water heater", "ev_kwh": "car"}
"""Read beside the load, which leaves them out."""


@dataclass(frozen=True, kw_only=True)
class Balance:
    """The energy balance of the slots in which all flows are known.

    Attributes:
        slots: number of those slots.
        load_kwh: the load as recorded [kWh].
        flows_kwh: PV + import - export + discharge - charge, which should be the load [kWh].
        unexplained_kwh: sum of the differences of the slots, without their signs [kWh].
        without: flows that no sensor records and that are taken as nothing.
        appliances: appliances that are read beside the load and taken from the flows.
    """

    slots: int
    load_kwh: float
    flows_kwh: float
    unexplained_kwh: float
    without: tuple[str, ...]
    appliances: tuple[str, ...] = ()


def balance_of(slots: pl.DataFrame) -> Balance | None:
    """Return the energy balance of readings; None where load or grid are not recorded.

    Args:
        slots: `[slot_start, <columns>]`; a column without any value counts as absent.
    """
    read = {column.name for column in slots if column.null_count() < slots.height}
    if not read >= {"load_kwh", "import_kwh"}:
        return None
    flows = {name: sign for name, sign in _INTO_HOME.items() if name in read}
    appliances = [name for name in _APPLIANCES if name in read]
    whole = slots.drop_nulls(["load_kwh", *flows])
    if whole.is_empty():
        return None
    parts = [pl.col(name) * sign for name, sign in flows.items()]
    into = whole.select(pl.sum_horizontal(*parts, *(-pl.col(name).fill_null(0.0) for name in appliances)))[:, 0]
    load = whole["load_kwh"]
    return Balance(
        slots=whole.height,
        load_kwh=round(float(load.sum()), 3),
        flows_kwh=round(float(into.sum()), 3),
        unexplained_kwh=round(float((load - into).abs().sum()), 3),
        without=tuple(name for name in _INTO_HOME if name not in flows),
        appliances=tuple(_APPLIANCES[name] for name in appliances),
    )


def in_words(balance: Balance) -> str:
    """Return a balance as a sentence."""
    share = balance.unexplained_kwh / balance.load_kwh if balance.load_kwh > 0 else 0.0
    missing = f", without {', '.join(balance.without)}" if balance.without else ""
    appliances = "".join(f" - {name}" for name in balance.appliances)
    flows = f"PV + import - export + discharge - charge{appliances}"
    return (
        f"load {balance.load_kwh:.2f} kWh, {flows} {balance.flows_kwh:.2f} kWh"
        f"{missing}; {balance.unexplained_kwh:.2f} kWh ({share:.0%} of the load) unexplained in {balance.slots} slots"
    )
