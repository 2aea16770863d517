"""The verifier against planted faults: thousands of corrupted cells, each rule by itself, and what is right."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from env.battery import Battery
from env.inverter import Command, apply_command
from env.site import Limits, Site
from env.tariff import Tariff, TariffVersion, TimeOfUse
from planner.errors import IncompleteDayError, ScheduleColumnsError
from planner.oracle import solve_optimal_schedule
from planner.verification.columns import COMMAND
from planner.verification.inverter_contract import FLOWS, House, obeyed
from planner.verification.store_physics import most_charge, most_discharge
from planner.verification.verifier import NOTICES, RULES, Verification, verify_schedule
from tests.builders.homes import PAPER_BATTERY, days_of_slots, home
from tests.builders.schedules import AUTUMN, CURVED, HOMES, LEAKY, REPLAYED, SPRING, TIGHT, Example, example

KWH, MONEY = 1e-3, 1e-3  # what the verifier promises to see
SEED = 20_261_124
CASES = 10_000
ENERGIES = (
    "load_kwh",
    "pv_kwh",
    "import_kwh",
    "export_kwh",
    "charge_kwh",
    "discharge_kwh",
    "curtailed_kwh",
    "soc_start_kwh",
    "soc_end_kwh",
)
PRICES = {"import_price": "import_kwh", "export_price": "export_kwh"}
NUMBERS = (*ENERGIES, *PRICES, *COMMAND, "cost")
NO_NUMBERS = (None, float("nan"), float("inf"), -float("inf"))


def verify(case: Example, slots: pl.DataFrame | None = None) -> Verification:
    return verify_schedule(
        case.slots if slots is None else slots, case.site, start_soc_kwh=case.start_soc_kwh, episodes="daily"
    )


def findings_of(verification: Verification) -> list[tuple[int, str]]:
    return [(each.slot_index, each.rule) for each in verification.violations]


@pytest.mark.parametrize("policy", REPLAYED)
@pytest.mark.parametrize("name", HOMES)
def test_schedules_are_valid_when_nothing_is_wrong(name: str, policy: str) -> None:
    case = example(name, policy)
    verification = verify(case)
    assert verification.violations == ()
    assert verification.valid
    assert verification.cost == pytest.approx(case.slots["cost"].sum(), abs=1e-9)
    assert {each.rule for each in verification.notices} <= NOTICES


@pytest.mark.slow
def test_corruption_of_any_cell_is_caught_when_it_matters() -> None:
    """Ten thousand cells, one to a day: every one above 1 Wh or 0.001 money is reported, in its day and no other."""
    rng = np.random.default_rng(SEED)
    cases = [example(name, policy) for name in HOMES for policy in REPLAYED]
    caught, missed, of_fields = 0, [], dict.fromkeys(NUMBERS, 0)
    while caught + len(missed) < CASES:
        for case in cases:
            slots, planted = corrupted(case, rng)
            found = {each.slot_index for each in verify(case, slots).violations}
            day = case.slots["local_day"].to_physical().to_numpy()
            days_found = {day[at] for at in found}
            assert days_found <= {day[at] for at, _, _ in planted}, "a day is blamed for another's fault"
            for at, name, change in planted:
                of_fields[name] += 1
                if day[at] in days_found:
                    caught += 1
                else:
                    missed.append((case.policy, at, name, change))
    assert not missed, f"{len(missed)} of {caught + len(missed)} are not seen: {missed[:5]}"
    assert min(of_fields.values()) > CASES / 50, f"hardly tried: {of_fields}"


def corrupted(case: Example, rng: np.random.Generator) -> tuple[pl.DataFrame, list[tuple[int, str, float]]]:
    """The schedule with a cell of each day changed by an amount that matters; where, what, by how much."""
    columns = {name: case.slots[name].to_numpy().copy() for name in NUMBERS}
    days = case.slots["local_day"].to_physical().to_numpy()
    planted: list[tuple[int, str, float]] = []
    for day in np.unique(days):
        name = str(rng.choice(NUMBERS))
        of_day = days == day
        moving = of_day & (columns[PRICES[name]] > 0) if name in PRICES else of_day  # a price of nothing is no money
        at = int(rng.choice(np.flatnonzero(moving if moving.any() else of_day)))
        change = float(rng.choice([-1, 1]) * 10 ** rng.uniform(-2.95, 1.5))
        if matters(case, at, name, change):
            columns[name][at] += change
            planted.append((at, name, change))
    return case.slots.with_columns(**{name: pl.Series(values) for name, values in columns.items()}), planted


def matters(case: Example, at: int, name: str, change: float) -> bool:
    """Return whether a change moves more than 1 Wh or 0.001 money, simulated where it is a command."""
    if name in PRICES:
        return abs(change) * case.slots[PRICES[name]][at] > 1.1 * MONEY
    if name not in COMMAND:
        return True
    row = case.slots.row(at, named=True)
    if row[name] + change < 0:
        return True
    before, after = flows_of(case.site, row), flows_of(case.site, {**row, name: row[name] + change})
    as_told = max(abs(before[flow] - row[flow]) for flow in FLOWS) < 0.9 * KWH  # else no command brings it about
    return as_told and max(abs(after[flow] - row[flow]) for flow in FLOWS) > 1.1 * KWH


def flows_of(site: Site, row: dict[str, float]) -> dict[str, float]:
    flows = apply_command(
        Command(*(np.array([row[name]]) for name in COMMAND)),
        load_kwh=np.array([row["load_kwh"]]),
        pv_kwh=np.array([row["pv_kwh"]]),
        soc_kwh=np.array([row["soc_start_kwh"]]),
        export_price=np.array([row["export_price"]]),
        battery=site.battery,
        limits=site.limits,
    )
    return {name: float(getattr(flows, name)[0]) for name in FLOWS}


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("nothing", NO_NUMBERS, ids=str)
def test_missing_numbers_name_column_and_slot_when_planted(name: str, nothing: float | None) -> None:
    case = example("default", "mpc")
    slots = changed(case.slots, 17, **{name: nothing})
    first = verify(case, slots).violations[0]
    assert (first.slot_index, first.rule) == (17, "not_finite")
    assert first.slot_start == case.slots["slot_start"][17]
    assert name in first.message


@pytest.mark.parametrize("name", [*ENERGIES, "cost"])
def test_rounding_is_no_violation_when_it_is_below_what_is_promised(name: str) -> None:
    case = example("default", "mpc")
    assert verify(case, changed(case.slots, 40, **{name: case.slots[name][40] + 2e-4})).valid


@pytest.mark.parametrize(
    ("creeping", "what"),
    [
        pytest.param({"import_kwh": pl.col("import_kwh") + 0.9 * KWH}, "energy of the house", id="a slow meter"),
        pytest.param({"cost": pl.col("cost") - 0.9 * MONEY}, "cost", id="a flattering bill"),
        pytest.param(
            {
                "soc_start_kwh": pl.col("soc_start_kwh") + 0.9 * KWH * pl.int_range(pl.len()).over("local_day"),
                "soc_end_kwh": pl.col("soc_end_kwh") + 0.9 * KWH * (1 + pl.int_range(pl.len()).over("local_day")),
            },
            "energy of the battery",
            id="a battery that fills itself",
        ),
    ],
)
def test_small_errors_are_told_once_a_day_when_they_add_up(creeping: dict[str, pl.Expr], what: str) -> None:
    """Nine tenths of what a slot may be off, in every slot."""
    case = example("default", "mpc")
    found = verify(case, case.slots.with_columns(**creeping)).violations
    drifts = [each for each in found if each.rule == "drift" and each.message.startswith(what)]
    assert len(drifts) == case.slots["local_day"].n_unique()
    assert not {each.rule for each in found} & {"balance", "storage", "soc_continuity"}


def changed(slots: pl.DataFrame, at: int, **values: float | None) -> pl.DataFrame:
    here = pl.int_range(pl.len()) == at
    return slots.with_columns(
        pl.when(here).then(pl.lit(value, pl.Float64)).otherwise(pl.col(name)).alias(name)
        for name, value in values.items()
    )


# One slot by itself, in order: 1 kWh used, nothing else; the paper battery at 5 kWh.
QUIET = {
    "import_price": 2.0,
    "export_price": 1.0,
    "load_kwh": 1.0,
    "pv_kwh": 0.0,
    "charge_kw": 0.0,
    "discharge_kw": 0.0,
    "export_kw": 0.0,
    "import_kwh": 1.0,
    "export_kwh": 0.0,
    "charge_kwh": 0.0,
    "discharge_kwh": 0.0,
    "curtailed_kwh": 0.0,
    "soc_start_kwh": 5.0,
    "soc_end_kwh": 5.0,
    "cost": 2.0,
}


def one_slot(**values: float) -> pl.DataFrame:
    return pl.DataFrame({name: [value] for name, value in {**QUIET, **values}.items()})


CHARGES_TWO = {"import_kwh": 3.0, "charge_kwh": 2.0, "soc_end_kwh": 6.8, "charge_kw": 8.0, "cost": 6.2}
ONE_RULE = {
    "flow below zero": ({"import_kwh": 0.5, "export_kwh": -0.5, "cost": 1.5}, Limits(), "negative"),
    "energy from nowhere": ({"import_kwh": 0.9, "cost": 1.8}, Limits(), "balance"),
    "stored from nowhere": ({"soc_end_kwh": 5.1}, Limits(), "storage"),
    "charging too fast": (CHARGES_TWO, Limits(), "charge_power"),
    "both ways at once": (
        {"charge_kwh": 0.5, "discharge_kwh": 0.5, "soc_end_kwh": 4.825, "cost": 2.1},
        Limits(),
        "charge_and_discharge",
    ),
    "buying and selling": ({"import_kwh": 2.0, "export_kwh": 1.0, "cost": 3.0}, Limits(), "import_and_export"),
    "selling beyond the limit": (
        {"pv_kwh": 2.0, "import_kwh": 0, "export_kwh": 1.0, "export_kw": 4.0, "cost": -1.0},
        Limits(export_kw=2),
        "export_limit",
    ),
    "more than the inverter passes": (
        {"pv_kwh": 1.0, "import_kwh": 0.0, "cost": 0.0},
        Limits(inverter_kw=2),
        "inverter_limit",
    ),
    "spilling for nothing": (
        {"pv_kwh": 2.0, "import_kwh": 0, "curtailed_kwh": 1.0, "cost": 0.0},
        Limits(curtailable=True),
        "curtailment",
    ),
    "charging above the fuse": (
        {"import_kwh": 2.0, "charge_kwh": 1.0, "soc_end_kwh": 5.9, "charge_kw": 4.0, "cost": 4.1},
        Limits(import_kw=4),
        "fuse",
    ),
    "not helping the fuse": ({}, Limits(import_kw=3), "fuse"),
    "below the usable range": (
        {"soc_start_kwh": 1.0, "soc_end_kwh": 0.5, "discharge_kwh": 0.4, "import_kwh": 0.6, "cost": 1.24},
        Limits(),
        "soc_range",
    ),
    "wrong cost": ({"cost": 2.002}, Limits(), "cost"),
    "negative command": ({"export_kw": -1.0}, Limits(), "negative"),
    "commanded to charge, did not": ({"charge_kw": 2.0}, Limits(), "command"),
}


@pytest.mark.parametrize(("values", "limits", "rule"), ONE_RULE.values(), ids=ONE_RULE)
def test_rule_is_named_when_it_is_broken(values: dict[str, float], limits: Limits, rule: str) -> None:
    verification = verify_schedule(one_slot(**values), home(PAPER_BATTERY, limits))
    rules = {each.rule for each in verification.violations}
    assert rule in rules
    assert rules <= {rule, "command"}
    assert all(each.size >= 0 and each.message for each in verification.violations)


def test_quiet_slot_is_valid_when_nothing_is_changed() -> None:
    assert findings_of(verify_schedule(one_slot(), home(PAPER_BATTERY))) == []


def test_command_is_only_a_notice_when_no_command_brings_the_flows_about() -> None:
    """Spilling under an export ban what could be charged: hindsight may, the inverter does not."""
    spilled = one_slot(pv_kwh=2.0, import_kwh=0, curtailed_kwh=1.0, cost=0.0)
    verification = verify_schedule(spilled, home(PAPER_BATTERY, Limits(export_kw=0)))
    assert verification.valid
    assert [each.rule for each in verification.notices] == ["no_command"]


def test_fuse_is_only_a_notice_when_the_house_alone_breaks_it() -> None:
    """Load 3 kWh, fuse 1, the battery gives its 1: one is left over."""
    broken = one_slot(load_kwh=3.0, import_kwh=2.0, discharge_kwh=1.0, soc_end_kwh=3.75, cost=4.1)
    verification = verify_schedule(broken, home(PAPER_BATTERY, Limits(import_kw=4)))
    assert verification.valid
    assert [(each.rule, each.size) for each in verification.notices] == [("fuse_unavoidable", pytest.approx(1.0))]


def test_battery_may_come_back_when_it_is_found_outside_its_range() -> None:
    low = one_slot(soc_start_kwh=0.5, soc_end_kwh=0.5)
    assert verify_schedule(low, home(PAPER_BATTERY)).valid
    lower = low.with_columns(soc_end_kwh=pl.lit(0.498), soc_start_kwh=pl.lit(0.5))
    assert (0, "soc_range") in findings_of(verify_schedule(lower, home(PAPER_BATTERY)))


@pytest.mark.parametrize(
    ("damage", "rule"),
    [
        pytest.param(lambda s: s.filter(pl.int_range(pl.len()) != 30), "slot_grid", id="a slot is missing"),
        pytest.param(lambda s: pl.concat([s[:30], s[30:31], s[30:]]), "slot_grid", id="a slot comes twice"),
        pytest.param(lambda s: pl.concat([s[:30], s[31:32], s[30:31], s[32:]]), "slot_grid", id="two slots swapped"),
        pytest.param(lambda s: s.with_columns(pl.col("slot_start").dt.offset_by("7m")), "slot_grid", id="off"),
        pytest.param(lambda s: s.head(-1), "day_slots", id="the last slot is missing"),
        pytest.param(lambda s: s[1:], "day_slots", id="the first slot is missing"),
        pytest.param(lambda s: s.with_columns(pl.col("slot_start").dt.offset_by("1d")), "day_slots", id="a day late"),
        pytest.param(lambda s: s.with_columns(slot_start=no_instant(s, 5)), "slot_grid", id="a start is missing"),
    ],
)
@pytest.mark.parametrize("day", [SPRING, AUTUMN, AUTUMN + timedelta(days=1)], ids=str)
def test_slots_are_told_when_they_are_not_those_of_the_day(
    damage: Callable[[pl.DataFrame], pl.DataFrame], rule: str, day: date
) -> None:
    case = example("default", "oracle")
    of_day = case.slots.filter(pl.col("local_day") == day)
    assert verify(case, of_day).valid
    assert rule in {each.rule for each in verify(case, damage(of_day)).violations}


def no_instant(slots: pl.DataFrame, at: int) -> pl.Series:
    starts = slots["slot_start"].to_list()
    return pl.Series([None if i == at else start for i, start in enumerate(starts)], dtype=slots.schema["slot_start"])


def test_stored_energy_may_not_start_anew_when_episodes_are_continuous() -> None:
    case = example("default", "self_consumption")
    restarts = findings_of(verify_schedule(case.slots, case.site))
    begins = (case.slots["local_day"].rle_id().diff() == 1).fill_null(False).arg_true().to_list()  # noqa: FBT003 - Polars' word
    assert restarts == [(at, "soc_continuity") for at in begins]


@pytest.mark.parametrize("policy", REPLAYED)
def test_start_and_end_are_told_when_they_are_not_as_demanded(policy: str) -> None:
    case = example("default", policy)
    day = case.slots.filter(pl.col("local_day") == SPRING)
    wrong = verify_schedule(day, case.site, start_soc_kwh=case.start_soc_kwh + 0.002, end_soc_kwh=99.0)
    assert findings_of(wrong) == [(0, "start_soc"), (91, "end_soc")]


def test_prices_are_recomputed_when_the_spot_price_is_there() -> None:
    night = TimeOfUse(start_minute=22 * 60, end_minute=6 * 60, months=(1, 2, 3, 11, 12), transfer_fee=0.1)
    weekend = TimeOfUse(weekdays=(6, 7), transfer_fee=0.2, energy_tax=0.3)
    old = TariffVersion(valid_from=date(2000, 1, 1), vat=0.25, transfer_fee=0.5, energy_tax=0.4)
    new = replace(old, valid_from=SPRING, time_of_use=(night, weekend), export_share=0.9, export_bonus=0.05)
    site = replace(home(), tariff=Tariff((old, new)))
    spot = days_of_slots(SPRING - timedelta(days=2), SPRING + timedelta(days=2), seed=4).rename(
        {"export_price": "price"}
    )
    priced = site.tariff.with_prices(spot.drop("import_price"), site.timezone).with_columns(
        **{name: pl.lit(0.0) for name in (*COMMAND, "export_kwh", "charge_kwh", "discharge_kwh", "curtailed_kwh")},
        pv_kwh=pl.lit(0.0),
        import_kwh=pl.col("load_kwh"),
        soc_start_kwh=pl.lit(9.0),
        soc_end_kwh=pl.lit(9.0),
        cost=pl.col("load_kwh") * pl.col("import_price"),
    )
    assert verify_schedule(priced, site).valid
    for name in PRICES:
        wrong = verify_schedule(changed(priced, 50, **{name: priced[name][50] + 0.0015}), site)
        assert (50, "price") in findings_of(wrong)


def test_planned_loads_and_further_batteries_are_counted_when_they_have_columns() -> None:
    """A second battery stores 0.9 of one kWh, the heater takes two, the car three, the dishwasher half of one."""
    site = replace(home(PAPER_BATTERY), extra_batteries=(replace(PAPER_BATTERY, wear_cost=0.3),))
    full = one_slot(import_kwh=7.5, cost=15.3).with_columns(
        water_kwh=pl.lit(2.0),
        ev_kwh=pl.lit(3.0),
        appliance_dishes_kwh=pl.lit(0.5),
        battery_2_charge_kwh=pl.lit(1.0),
        battery_2_discharge_kwh=pl.lit(0.0),
        battery_2_soc_start_kwh=pl.lit(2.0),
        battery_2_soc_end_kwh=pl.lit(2.9),
    )
    assert findings_of(verify_schedule(full, site)) == []
    for name in ("water_kwh", "ev_kwh", "appliance_dishes_kwh", "battery_2_charge_kwh", "battery_2_soc_end_kwh"):
        assert not verify_schedule(full.with_columns(pl.col(name) + 0.002), site).valid, name
    with pytest.raises(ScheduleColumnsError, match="battery_2_charge_kwh"):
        verify_schedule(full, home(PAPER_BATTERY))
    with pytest.raises(ScheduleColumnsError, match="battery_2_soc_end_kwh"):
        verify_schedule(full.drop("battery_2_soc_end_kwh"), site)


@pytest.mark.parametrize("name", ["charge_kw", "soc_end_kwh", "cost", "import_price"])
def test_schedule_is_refused_when_a_column_is_missing(name: str) -> None:
    with pytest.raises(ScheduleColumnsError, match=name):
        verify_schedule(one_slot().drop(name), home())


def test_schedule_is_refused_when_it_is_empty() -> None:
    with pytest.raises(IncompleteDayError, match="no slot"):
        verify_schedule(one_slot().clear(), home())


def test_optimum_is_valid_when_it_has_neither_clock_nor_commands() -> None:
    slots = days_of_slots(SPRING, SPRING + timedelta(days=1), seed=9).drop("slot_start", "local_day")
    site = home(PAPER_BATTERY, TIGHT)
    optimal = solve_optimal_schedule(slots, site, start_soc_kwh=4.0, return_soc_kwh=4.0)
    verification = verify_schedule(optimal.slots, site, start_soc_kwh=4.0, end_soc_kwh=4.0, commands=False)
    assert verification.violations == ()
    assert verification.cost == pytest.approx(optimal.cost, abs=1e-6)


@pytest.mark.parametrize("battery", [PAPER_BATTERY, LEAKY, CURVED], ids=["plain", "leaky", "curved"])
@pytest.mark.parametrize(
    "limits",
    [Limits(), TIGHT, Limits(import_kw=2), Limits(export_kw=0, curtailable=True), Limits(inverter_kw=0.5, export_kw=1)],
    ids=str,
)
def test_contract_is_the_inverters_when_written_twice(battery: Battery, limits: Limits) -> None:
    """Two writings of one contract, 20 000 slots each, edges among them."""
    rng = np.random.default_rng(SEED)
    n = 20_000
    load, pv = (rng.uniform(0, 3, n) * (rng.random(n) < 0.7) for _ in range(2))
    soc = rng.choice([0.0, 1.0, 5.0, 9.0, 10.0], n) + rng.uniform(0, 0.5, n) * (rng.random(n) < 0.5)
    price = rng.choice([-1.0, 0.0, 1.0], n)
    command = Command(*(rng.choice([0.0, 0.4, 2.0, 8.0, 99.0], n) * (rng.random(n) < 0.6) for _ in COMMAND))
    flows = apply_command(
        command, load_kwh=load, pv_kwh=pv, soc_kwh=soc, export_price=price, battery=battery, limits=limits
    )
    house = House(load, pv, most_charge(soc, battery), most_discharge(soc, battery), price < 0)
    again = obeyed(command, house, limits)
    for name in FLOWS:
        np.testing.assert_allclose(again[name], getattr(flows, name), rtol=0, atol=1e-9, err_msg=name)


def test_rules_are_a_closed_list_when_anything_is_told() -> None:
    assert len(set(RULES)) == len(RULES)
    assert set(RULES) > NOTICES
