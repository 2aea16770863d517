"""The verifier on whole schedules: valid ones pass, thousands of corrupted cells and wrong slots are caught."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from env.inverter import Command, apply_command
from env.site import Site
from env.tariff import Tariff, TariffVersion, TimeOfUse
from planner.oracle import solve_optimal_schedule
from planner.verification.columns import COMMAND
from planner.verification.inverter_contract import FLOWS
from planner.verification.verifier import NOTICES, Verification, verify_schedule
from tests.builders.homes import PAPER_BATTERY, days_of_slots, home
from tests.builders.schedules import (
    AUTUMN,
    HOMES,
    REPLAYED,
    SPRING,
    TIGHT,
    Example,
    example,
    findings_of,
)

KWH, MONEY = 1e-3, 1e-3  # what the verifier promises to see
SEED = 20_261_124
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
@pytest.mark.parametrize("n_cells", [1_000, pytest.param(10_000, marks=pytest.mark.thorough)])
def test_corruption_of_any_cell_is_caught_when_it_matters(n_cells: int) -> None:
    """Cells of all schedules, one a day: each above 1 Wh or 0.001 money is reported, in its day alone."""
    rng = np.random.default_rng(SEED)
    cases = [example(name, policy) for name in HOMES for policy in REPLAYED]
    caught, missed, of_fields = 0, [], dict.fromkeys(NUMBERS, 0)
    while caught + len(missed) < n_cells:
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
    assert min(of_fields.values()) > n_cells / 50, f"hardly tried: {of_fields}"


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
    as_commanded = max(abs(before[flow] - row[flow]) for flow in FLOWS) < 0.9 * KWH  # else no command brings it about
    return as_commanded and max(abs(after[flow] - row[flow]) for flow in FLOWS) > 1.1 * KWH


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
def test_small_errors_are_reported_once_a_day_when_they_add_up(creeping: dict[str, pl.Expr], what: str) -> None:
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
def test_slots_are_reported_when_they_are_not_those_of_the_day(
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
def test_start_and_end_are_reported_when_they_are_not_as_demanded(policy: str) -> None:
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


def test_prices_are_recomputed_when_the_contract_changes_to_means() -> None:
    old = TariffVersion(valid_from=date(2000, 1, 1), vat=0.25, transfer_fee=0.5, energy_tax=0.4)
    monthly = replace(old, valid_from=SPRING - timedelta(days=1), monthly_mean=True)
    hourly = replace(old, valid_from=SPRING, settlement_minutes=60)
    site = replace(home(), tariff=Tariff((old, monthly, hourly)))
    spot = days_of_slots(SPRING - timedelta(days=2), SPRING, seed=4).rename({"export_price": "price"})
    priced = site.tariff.with_prices(spot.drop("import_price"), site.timezone).with_columns(
        **{name: pl.lit(0.0) for name in (*COMMAND, "export_kwh", "charge_kwh", "discharge_kwh", "curtailed_kwh")},
        pv_kwh=pl.lit(0.0),
        import_kwh=pl.col("load_kwh"),
        soc_start_kwh=pl.lit(9.0),
        soc_end_kwh=pl.lit(9.0),
        cost=pl.col("load_kwh") * pl.col("import_price"),
    )
    assert verify_schedule(priced, site).valid
    begun = verify_schedule(priced[1:], site)  # an hour of which only three quarters are there is not judged
    assert "price" not in {rule for _, rule in findings_of(begun)}
    slot = priced.height - 30
    wrong = verify_schedule(changed(priced, slot, import_price=priced["import_price"][slot] + 0.0015), site)
    assert (slot, "price") in findings_of(wrong)


def test_optimum_is_valid_when_it_has_neither_clock_nor_commands() -> None:
    slots = days_of_slots(SPRING, SPRING + timedelta(days=1), seed=9).drop("slot_start", "local_day")
    site = home(PAPER_BATTERY, TIGHT)
    optimal = solve_optimal_schedule(slots, site, start_soc_kwh=4.0, return_soc_kwh=4.0)
    verification = verify_schedule(optimal.slots, site, start_soc_kwh=4.0, end_soc_kwh=4.0, commands=False)
    assert verification.violations == ()
    assert verification.cost == pytest.approx(optimal.cost, abs=1e-6)
