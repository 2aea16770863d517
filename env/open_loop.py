"""Open-loop simulation: commands that are fixed beforehand, every slot at once.

`env.simulator` goes slot by slot, since a policy decides on what the slots before left. Where nothing is decided any
more, all slots can be computed together from guessed stored energy, until what it leaves is what was
guessed. The physics stays `env.inverter`'s; here is only the guess.
"""

import numpy as np

from env.battery import Battery
from env.inverter import Command, Energy, Flows, apply_command
from env.site import Site


def simulate_open_loop(
    command: Command,
    *,
    load_kwh: Energy,
    pv_kwh: Energy,
    export_price: Energy,
    site: Site,
    start_soc_kwh: float,
    import_limit_kw: Energy | None = None,
) -> Flows:
    """Return the flows that `simulate` gives for one home, to the last bit, without a loop over slots.

    A round gives the flows of all slots for a guess, and from those flows the next guess. Flows up to the first wrong
    guess are right, so every round sets right one more slot at least; mostly only a full or an empty battery makes a
    guess wrong, and a handful of rounds does (192 slots of self-consumption: 1 ms, slot after slot 35 ms).

    Args:
        command: of every slot, each `(n_slots,)` [kW].
        load_kwh: what the house uses `(n_slots,)` [kWh].
        pv_kwh: what the panels could make `(n_slots,)` [kWh].
        export_price: decides whether curtailable surplus is curtailed `(n_slots,)` [money/kWh].
        site: battery and limits.
        start_soc_kwh: stored energy at the start [kWh].
        import_limit_kw: commanded with each slot `(n_slots,)`, infinity for none; None for none at all [kW].

    Returns:
        Flows of every slot, each `(n_slots,)`.
    """
    posts = np.full(len(load_kwh) + 1, start_soc_kwh, dtype=np.float64)
    while True:
        flows = apply_command(
            command,
            load_kwh=load_kwh,
            pv_kwh=pv_kwh,
            soc_kwh=posts[:-1],
            export_price=export_price,
            battery=site.battery,
            limits=site.limits,
            import_limit_kw=import_limit_kw,
        )
        wrong = np.flatnonzero(~np.isclose(flows.soc_end_kwh, posts[1:], rtol=0.0, atol=0.0, equal_nan=True))
        if len(wrong) == 0:
            return flows
        first = int(wrong[0]) + 1
        posts[first] = flows.soc_end_kwh[first - 1]
        posts[first:] = _guess(float(posts[first]), flows, first, site.battery)


def _guess(soc_kwh: float, flows: Flows, first: int, battery: Battery) -> list[float]:
    """Stored energy from the fence post `first` on, if as much is charged and discharged and the battery clamps it.

    Plain floats: an array of one number costs ten times as much.
    """
    stored, drawn = battery.stored_by(flows.charge_kwh[first:]), battery.drawn_by(flows.discharge_kwh[first:])
    posts, retention = [soc_kwh], battery.retention_per_slot
    for gained, lost in zip(stored.tolist(), drawn.tolist(), strict=True):
        kept = retention * posts[-1]
        posts.append(min(max(kept + gained - lost, min(kept, battery.min_soc_kwh)), max(kept, battery.max_soc_kwh)))
    return posts
