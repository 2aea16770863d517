"""Rules on the connection to the grid and on the panels: fuse, export and inverter limits, curtailment."""

from collections.abc import Iterator

import numpy as np

from planner.verification.columns import Schedule
from planner.verification.findings import Finding, Flags, Values
from planner.verification.inverter_contract import energy_limit
from planner.verification.store_physics import most_discharge
from planner.wording.messages import phrase


def import_and_export(schedule: Schedule) -> Iterator[Finding]:
    """The meter runs one way in a slot."""
    imported, exported = schedule["import_kwh"], schedule["export_kwh"]
    both = np.minimum(imported, exported)
    yield Finding(
        "import_and_export",
        both > schedule.tolerance_kwh,
        both,
        "kWh",
        lambda i: f"imports {imported[i]:.6g} kWh and exports {exported[i]:.6g} kWh",
    )


def fuse(schedule: Schedule) -> Iterator[Finding]:
    """Import stays within the fuse, or exceeds it by no more than the house forces.

    Forced is the load above the fuse that panels and batteries cannot give: that is reported, and breaks nothing.
    """
    limit = energy_limit(schedule.site.limits.import_kw)
    imported, tolerance = schedule["import_kwh"], schedule.tolerance_kwh
    above = imported - limit
    if not (above > tolerance).any():
        return
    forced = _forced(schedule, limit)
    avoidable = above > forced + tolerance
    yield Finding(
        "fuse",
        (above > tolerance) & avoidable,
        above - forced,
        "kWh",
        lambda i: f"imports {imported[i]:.6g} kWh, {above[i]:.6g} above the fuse; the house forces {forced[i]:.6g}",
    )
    yield Finding(
        "fuse_unavoidable",
        (above > tolerance) & ~avoidable,
        above,
        "kWh",
        lambda i: phrase(
            "the load exceeds the fuse by {energy:.6g} kWh more than panels and battery can give", energy=above[i]
        ),
    )


def _forced(schedule: Schedule, limit: float) -> Values:
    """Import above the fuse that nothing could prevent `(n_slots,)` [kWh]."""
    inverter = energy_limit(schedule.site.limits.inverter_kw)
    pv = np.minimum(schedule["pv_kwh"], inverter)
    demand = schedule["load_kwh"] - pv
    main = schedule.main
    help_out = np.minimum(most_discharge(main.start, main.battery), inverter - pv)
    for store in schedule.stores[1:]:
        help_out = help_out + most_discharge(store.start, store.battery)
    without_help = np.maximum(demand - limit, 0.0)
    return np.where(_spared_for_later(schedule, limit), without_help, np.maximum(without_help - help_out, 0.0))


def _spared_for_later(schedule: Schedule, limit: float) -> Flags:
    """Return whether stored energy helps the fuse later in the episode, so that holding it back now is a choice."""
    discharging = sum(store.discharge for store in schedule.stores) > schedule.tolerance_kwh
    helping = np.flatnonzero(discharging & (schedule["import_kwh"] >= limit - schedule.tolerance_kwh))
    episode = schedule.episode
    last = np.full(len(schedule.begins), -1)
    np.maximum.at(last, episode[helping], helping)
    return last[episode] > np.arange(schedule.n_slots)


def export_limit(schedule: Schedule) -> Iterator[Finding]:
    """Export stays within what the connection may feed in."""
    limit_kw = schedule.site.limits.export_kw
    exported = schedule["export_kwh"]
    above = exported - energy_limit(limit_kw)
    yield Finding(
        "export_limit",
        above > schedule.tolerance_kwh,
        above,
        "kWh",
        lambda i: f"exports {exported[i]:.6g} kWh, above the limit of {limit_kw:g} kW",
    )


def inverter_limit(schedule: Schedule) -> Iterator[Finding]:
    """Panels and main battery exchange with the house at most the power of the inverter they share, either way."""
    main, limit_kw = schedule.main, schedule.site.limits.inverter_kw
    through = np.abs(schedule["pv_kwh"] - schedule["curtailed_kwh"] + main.discharge - main.charge)
    above = through - energy_limit(limit_kw)
    yield Finding(
        "inverter_limit",
        above > schedule.tolerance_kwh,
        above,
        "kWh",
        lambda i: f"{through[i]:.6g} kWh pass the inverter, above its {limit_kw:g} kW",
    )


def curtailment(schedule: Schedule) -> Iterator[Finding]:
    """PV is left unused only for a reason: exporting costs and it may be curtailed, or grid or inverter are full."""
    curtailed, allowed = schedule["curtailed_kwh"], _may_be_curtailed(schedule)
    excess = curtailed - allowed
    yield Finding(
        "curtailment",
        excess > schedule.tolerance_kwh,
        excess,
        "kWh",
        lambda i: f"leaves {curtailed[i]:.6g} kWh of PV unused, of which {allowed[i]:.6g} have a reason",
    )


def _may_be_curtailed(schedule: Schedule) -> Values:
    """PV that may be left unused `(n_slots,)` [kWh]."""
    limits, pv = schedule.site.limits, schedule["pv_kwh"]
    surplus = np.maximum(pv - schedule["load_kwh"] - schedule.planned, 0.0)
    beyond_grid = np.maximum(surplus - energy_limit(limits.export_kw), 0.0)
    beyond_inverter = np.maximum(pv - energy_limit(limits.inverter_kw), 0.0)
    allowed = np.maximum(beyond_grid, beyond_inverter)
    if limits.curtailable:
        allowed = np.maximum(allowed, np.where(schedule["export_price"] < 0, surplus, 0.0))
    return np.minimum(allowed, np.maximum(pv, 0.0))
