import itertools
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from env.battery import Battery
from env.inverter import (
    MOST_KW,
    Command,
    Energy,
    Flows,
    apply_command,
    battery_room,
    curtails_surplus,
    metered_flows,
    next_soc,
    slot_limit,
)
from env.site import Limits
from tests.builders.homes import PAPER_BATTERY, batteries
from tests.builders.inverter_contract import CASES, Case

EXACT_KWH = 1e-9
NAMES = tuple(field.name for field in fields(Flows))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_flows_follow_the_contract_when_commanded(case: Case) -> None:
    flows = apply_command(
        Command(*map(np.asarray, case.command)),
        load_kwh=np.asarray(case.load),
        pv_kwh=np.asarray(case.pv),
        soc_kwh=np.asarray(case.soc),
        export_price=np.asarray(case.export_price),
        battery=PAPER_BATTERY,
        limits=case.limits,
        import_limit_kw=None if case.import_limit is None else np.asarray(case.import_limit),
    )
    happened = {name: float(getattr(flows, name)) for name in NAMES}
    assert happened == pytest.approx(
        {
            "import_kwh": case.imported,
            "export_kwh": case.exported,
            "charge_kwh": case.charge,
            "discharge_kwh": case.discharge,
            "curtailed_kwh": case.curtailed,
            "soc_end_kwh": case.soc_end,
            "clamped_kwh": case.clamped,
            "breach_kwh": case.breach,
        },
        abs=1e-12,
    )


ALL_LIMITS = [
    Limits(import_kw=fuse, export_kw=export, inverter_kw=inverter, curtailable=curtailable)
    for fuse, export, inverter, curtailable in itertools.product(
        (None, 0.0, 5.0), (None, 0.0, 2.0), (None, 0.0, 3.0), (False, True)
    )
]
POWERS = [0.0, 1e-300, 0.3, 2.0, 8.0, 99.0, 1e300, np.inf, -5.0]
ENERGIES = [0.0, 1e-12, 0.1, 0.5, 0.7, 2.0, 4.0]


class Slots:
    """Many slots at once under one battery and one set of limits."""

    def __init__(self, battery: Battery, limits: Limits, seed: int, n_slots: int = 400) -> None:
        rng = np.random.default_rng(seed)
        self.battery, self.limits = battery, limits
        self.command = Command(*(rng.choice(POWERS, (3, n_slots)) * rng.choice([1.0, rng.random()], (3, n_slots))))
        self.load = rng.choice(ENERGIES, n_slots) * rng.choice([1.0, rng.random()], n_slots)
        self.pv = rng.choice(ENERGIES, n_slots) * rng.choice([1.0, rng.random()], n_slots)
        inside = rng.uniform(battery.min_soc_kwh, battery.max_soc_kwh, n_slots)
        edges = [battery.min_soc_kwh, battery.max_soc_kwh, 0.0, battery.capacity_kwh]
        self.soc = np.where(rng.random(n_slots) < 0.5, inside, rng.choice(edges, n_slots))
        self.price = rng.choice([-1.0, 0.0, 1.0], n_slots)

    def happened(self) -> Flows:
        return self._apply(self.command, self.load, self.pv, self.soc, self.price)

    def happened_to(self, slot: int, kind: Any) -> Flows:
        """The same for one slot alone, as floats or as arrays without dimension."""
        arrays = (*self.command, self.load, self.pv, self.soc, self.price)
        one = [kind(values[slot]) if kind else np.asarray(values[slot]) for values in arrays]
        return self._apply(Command(*one[:3]), *one[3:])

    def _apply(self, command: Command, load: Energy, pv: Energy, soc: Energy, price: Energy) -> Flows:
        return apply_command(
            command, load_kwh=load, pv_kwh=pv, soc_kwh=soc, export_price=price, battery=self.battery,
            limits=self.limits,
        )  # fmt: skip


@st.composite
def many_slots(draw: st.DrawFn) -> Slots:
    return Slots(draw(batteries()), draw(st.sampled_from(ALL_LIMITS)), draw(st.integers(0, 2**32 - 1)))


@given(many_slots())
def test_energy_balances_when_any_command_meets_any_house(slots: Slots) -> None:
    flows = slots.happened()
    into = slots.pv + flows.discharge_kwh + flows.import_kwh
    out = slots.load + flows.charge_kwh + flows.export_kwh + flows.curtailed_kwh
    np.testing.assert_allclose(out, into, rtol=0, atol=EXACT_KWH)


@given(many_slots())
def test_stored_energy_follows_the_flows_when_any_command_meets_any_house(slots: Slots) -> None:
    flows, battery = slots.happened(), slots.battery
    moved = flows.charge_kwh * battery.charge_efficiency - flows.discharge_kwh / battery.discharge_efficiency
    np.testing.assert_allclose(flows.soc_end_kwh, slots.soc + moved, rtol=0, atol=EXACT_KWH)


@given(many_slots())
def test_stored_energy_stays_inside_when_any_command_meets_any_house(slots: Slots) -> None:
    """Exactly, not within rounding: the next slot starts from here. From outside it only comes nearer."""
    flows, battery = slots.happened(), slots.battery
    assert (flows.soc_end_kwh >= np.minimum(slots.soc, battery.min_soc_kwh)).all()
    assert (flows.soc_end_kwh <= np.maximum(slots.soc, battery.max_soc_kwh)).all()
    assert (flows.discharge_kwh[slots.soc <= battery.min_soc_kwh] == 0).all()
    assert (flows.charge_kwh[slots.soc >= battery.max_soc_kwh] == 0).all()


@given(many_slots())
def test_every_limit_is_kept_when_any_command_meets_any_house(slots: Slots) -> None:
    flows, battery, limits = slots.happened(), slots.battery, slots.limits
    inverter = slot_limit(limits.inverter_kw)
    through_inverter = slots.pv - flows.curtailed_kwh + flows.discharge_kwh - flows.charge_kwh

    assert all((getattr(flows, name) >= 0).all() for name in NAMES)
    assert (flows.charge_kwh <= slot_limit(battery.charge_kw)).all()
    assert (flows.discharge_kwh <= slot_limit(battery.discharge_kw)).all()
    assert (flows.export_kwh <= slot_limit(limits.export_kw)).all()
    assert (np.abs(through_inverter) <= inverter + EXACT_KWH).all()
    assert (flows.curtailed_kwh <= slots.pv + EXACT_KWH).all()
    assert (flows.import_kwh <= slot_limit(limits.import_kw) + flows.breach_kwh + EXACT_KWH).all()


LIMITS_KW = [0.0, 1e-300, 0.4, 2.0, 8.0, np.inf, -1.0]


def limited(slots: Slots, limit_kw: Energy, *, takes: bool = True) -> Flows:
    """What happens under a commanded import limit."""
    return apply_command(
        slots.command,
        load_kwh=slots.load,
        pv_kwh=slots.pv,
        soc_kwh=slots.soc,
        export_price=slots.price,
        battery=slots.battery,
        limits=replace(slots.limits, takes_import_limit=takes),
        import_limit_kw=limit_kw,
    )


@given(many_slots())
def test_endless_or_untaken_import_limit_changes_nothing_bit_for_bit(slots: Slots) -> None:
    plain = slots.happened()
    nothing, endless = np.zeros(400), np.full(400, np.inf)
    for flows in (limited(slots, endless), limited(slots, nothing, takes=False)):
        for name in NAMES:
            assert getattr(flows, name).tobytes() == getattr(plain, name).tobytes(), name


@given(many_slots(), st.integers(0, 2**32 - 1))
def test_import_stays_within_a_commanded_limit_as_far_as_the_battery_goes(slots: Slots, seed: int) -> None:
    limit_kw = np.random.default_rng(seed).choice(LIMITS_KW, 400)
    flows, plain, limits = limited(slots, limit_kw), slots.happened(), slots.limits
    most = np.maximum(limit_kw, 0.0) / 4
    into = slots.pv + flows.discharge_kwh + flows.import_kwh
    out = slots.load + flows.charge_kwh + flows.export_kwh + flows.curtailed_kwh
    moved = next_soc(slots.soc, flows.charge_kwh, flows.discharge_kwh, slots.battery)
    _, can_discharge = battery_room(slots.soc, slots.battery)
    room_left = np.minimum(
        can_discharge - flows.discharge_kwh,
        slot_limit(limits.inverter_kw) - (slots.pv - flows.curtailed_kwh + flows.discharge_kwh),
    )
    over = flows.import_kwh > most + EXACT_KWH
    to_house = slots.pv - flows.curtailed_kwh - flows.charge_kwh

    np.testing.assert_allclose(out, into, rtol=0, atol=EXACT_KWH)
    assert flows.soc_end_kwh.tobytes() == moved.tobytes()
    assert (np.minimum(flows.charge_kwh, flows.discharge_kwh) == 0).all()
    assert (room_left[over & (flows.charge_kwh == 0)] <= EXACT_KWH).all()
    # What still charges is PV that the inverter cannot bring inside.
    assert (to_house[over & (flows.charge_kwh > 0)] >= slot_limit(limits.inverter_kw) - EXACT_KWH).all()
    assert (flows.import_kwh <= plain.import_kwh + EXACT_KWH).all()
    assert (flows.breach_kwh <= plain.breach_kwh + EXACT_KWH).all()


@given(many_slots())
def test_breach_is_reported_only_when_nothing_could_prevent_it(slots: Slots) -> None:
    """Then battery or inverter are at their end; what still charges is PV that the inverter cannot bring inside."""
    flows, limits = slots.happened(), slots.limits
    breached = flows.breach_kwh > EXACT_KWH
    _, can_discharge = battery_room(slots.soc, slots.battery)
    room_left = np.minimum(
        can_discharge - flows.discharge_kwh,
        slot_limit(limits.inverter_kw) - (slots.pv - flows.curtailed_kwh + flows.discharge_kwh),
    )
    charging = breached & (flows.charge_kwh > 0)
    assert (flows.export_kwh[breached] == 0).all()
    assert (room_left[breached & ~charging] <= EXACT_KWH).all()
    to_house = (slots.pv - flows.curtailed_kwh - flows.charge_kwh)[charging]
    assert (to_house >= slot_limit(limits.inverter_kw) - EXACT_KWH).all()


@given(many_slots())
def test_opposite_flows_exclude_each_other_when_any_command_meets_any_house(slots: Slots) -> None:
    flows = slots.happened()
    assert (np.minimum(flows.charge_kwh, flows.discharge_kwh) == 0).all()
    assert (np.minimum(flows.import_kwh, flows.export_kwh) == 0).all()


@given(many_slots(), st.sampled_from(["all", "charging", "not charging"]))
def test_metered_flows_are_those_of_the_contract_bit_for_bit_whatever_stands_beside(slots: Slots, kept: str) -> None:
    """Commands that all charge, or of which none does, take a shorter way than mixed ones."""
    charging = slots.command.charge_kw > 0
    own = {"all": charging | True, "charging": charging, "not charging": ~charging}[kept]
    metered = metered_flows(
        Command(*(power[own] for power in slots.command)), load_kwh=slots.load[own], pv_kwh=slots.pv[own],
        soc_kwh=slots.soc[own], export_price=slots.price[own], battery=slots.battery, limits=slots.limits,
    )  # fmt: skip
    happened = slots.happened()
    for name, flow in metered._asdict().items():
        assert flow.tobytes() == getattr(happened, name)[own].tobytes(), name


@given(many_slots(), st.integers(0, 399))
def test_one_slot_equals_the_batch_bit_for_bit_when_given_as_a_number(slots: Slots, slot: int) -> None:
    batch = slots.happened()
    for kind in (float, np.float64, None):
        alone = slots.happened_to(slot, kind)
        for name in NAMES:
            assert np.float64(getattr(alone, name)).tobytes() == getattr(batch, name)[slot].tobytes(), (name, kind)


@given(many_slots())
def test_surplus_is_curtailed_only_when_exporting_costs_or_is_not_possible(slots: Slots) -> None:
    flows, limits = slots.happened(), slots.limits
    allowed = limits.curtailable & (slots.price < 0)
    at_export_limit = flows.export_kwh >= slot_limit(limits.export_kw) - EXACT_KWH
    through = slots.pv - flows.curtailed_kwh + flows.discharge_kwh - flows.charge_kwh
    at_inverter_limit = through >= slot_limit(limits.inverter_kw) - EXACT_KWH
    assert (allowed | at_export_limit | at_inverter_limit)[flows.curtailed_kwh > EXACT_KWH].all()


@given(many_slots())
def test_clamping_is_reported_when_the_battery_does_less_than_commanded(slots: Slots) -> None:
    flows = slots.happened()
    commanded = np.clip(slots.command.charge_kw, 0, MOST_KW) / 4
    assert np.isfinite(flows.clamped_kwh).all()
    assert (flows.clamped_kwh >= commanded - flows.charge_kwh - EXACT_KWH).all()


@given(many_slots())
def test_nothing_is_clamped_when_nothing_is_commanded_and_the_surplus_fits(slots: Slots) -> None:
    slots.command = Command(*np.zeros((3, 400)))
    flows = slots.happened()
    surplus = np.maximum(slots.pv - slots.load, 0)
    np.testing.assert_allclose(flows.clamped_kwh, np.maximum(surplus - flows.charge_kwh, 0), atol=EXACT_KWH)


def test_flows_stack_slots_on_the_last_axis_when_joined() -> None:
    slots = Slots(PAPER_BATTERY, Limits(), seed=1)
    one = slots.happened()
    both = Flows.stack([one, one])
    assert all(getattr(both, name).shape == (400, 2) for name in NAMES)
    np.testing.assert_array_equal(both.soc_end_kwh[:, 1], one.soc_end_kwh)


def test_no_limit_is_endless_and_a_ban_is_zero_when_turned_into_energy() -> None:
    assert slot_limit(None) == np.inf
    assert slot_limit(0.0) == 0.0
    assert slot_limit(6.0) == 1.5


def test_only_negative_prices_spill_when_panels_are_curtailable() -> None:
    prices = np.array([-0.01, 0.0, -0.0, 0.01])
    assert curtails_surplus(Limits(curtailable=True), prices).tolist() == [True, False, False, False]
    assert not curtails_surplus(Limits(), prices).any()


def test_stored_energy_does_not_drift_over_the_edge_when_sums_round() -> None:
    """0.1 charged ten times ends at 9 and not at 9.000000000000002."""
    soc = np.array(8.1)
    for _ in range(10):
        soc = next_soc(soc, np.array(0.1), np.array(0.0), PAPER_BATTERY)
    assert soc == pytest.approx(9.0)
    assert soc <= PAPER_BATTERY.max_soc_kwh
