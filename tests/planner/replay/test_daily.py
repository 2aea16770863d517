from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

import planner.replay.schedules
from darkstar_pipeline.warehouse.schemas import POLICY_SCHEDULES
from env.inverter import Command
from env.site import Limits, Site
from env.time_grid import days_between, slot_count
from planner.errors import IncompleteDayError, UnknownPolicyError
from planner.evaluation.daily_results import daily_results
from planner.forecasts.central import central_forecasts
from planner.forecasts.naive import naive_forecasts
from planner.oracle import solve_optimal_schedule
from planner.plans.reasons import REASONS
from planner.policies.mpc import Mpc
from planner.replay.daily import REPLAYERS, replay_days
from planner.value.protocol import Protocol
from planner.value.scenario_source import past_with_forecast_days
from planner.value.scenarios import Scenarios
from tests.builders.homes import DEFAULT_BATTERY, PAPER_BATTERY, STOCKHOLM, days_of_slots, home

SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
HALF = Protocol(start_soc_kwh=17.1)
TIGHT = Limits(import_kw=9, export_kw=4, inverter_kw=7, curtailable=True)
EVERY_POLICY = pytest.mark.parametrize("policy", REPLAYERS)
FLOWS = ("import_kwh", "export_kwh", "charge_kwh", "discharge_kwh", "curtailed_kwh")


def slots_around(*middles: date, seed: int = 1, before: int = 1, after: int = 1) -> pl.DataFrame:
    return pl.concat(
        days_of_slots(day - timedelta(days=before), day + timedelta(days=after), seed=seed) for day in middles
    )


def expected(slots: pl.DataFrame, timezone: str = STOCKHOLM) -> pl.DataFrame:
    """Naive forecasts of the same days, on what lies before each."""
    days: Sequence[date] = slots["local_day"].unique().sort().to_list()
    return naive_forecasts(slots, days, timezone, load_days=7, pv_days=3)


def replayed(policy: str, slots: pl.DataFrame, site: Site | None = None, protocol: Protocol = HALF) -> pl.DataFrame:
    return replay_days(policy, slots, expected(slots), site if site is not None else home(), protocol, workers=1)


@EVERY_POLICY
def test_days_are_the_same_bit_for_bit_when_replayed_together_or_one_by_one(policy: str) -> None:
    """Both clock changes among ten days: a backfill of a year is its days."""
    slots = pl.concat(
        [
            days_of_slots(SPRING - timedelta(days=2), SPRING + timedelta(days=2), seed=2),
            days_of_slots(AUTUMN - timedelta(days=2), AUTUMN + timedelta(days=2), seed=3),
        ]
    )
    forecasts = expected(slots)
    site = home(limits=TIGHT)
    together = replay_days(policy, slots, forecasts, site, HALF, workers=1)
    days = slots["local_day"].unique().sort()
    alone = [replay_days(policy, slots.filter(pl.col("local_day") == day), forecasts, site, HALF) for day in days]
    assert together.equals(pl.concat(alone))
    assert together.group_by("local_day").len().sort("local_day")["len"].to_list() == [
        slot_count(day, STOCKHOLM) for day in days
    ]


@EVERY_POLICY
def test_days_are_the_same_bit_for_bit_when_rows_come_in_any_order(policy: str) -> None:
    slots = slots_around(SPRING)
    forecasts = expected(slots)
    shuffled = slots.sample(fraction=1.0, shuffle=True, seed=5)
    assert replay_days(policy, shuffled, forecasts, home(), HALF).equals(
        replay_days(policy, slots, forecasts.sample(fraction=1.0, shuffle=True, seed=6), home(), HALF)
    )


def test_days_are_the_same_bit_for_bit_when_others_have_more_scenarios() -> None:
    slots = slots_around(SPRING)
    forecasts = expected(slots)
    days: list[date] = slots["local_day"].unique().sort().to_list()
    planned = slots.join(central_forecasts(forecasts), on=["slot_start", "local_day"], how="left")
    busy = np.full((1, 9, slot_count(SPRING, STOCKHOLM)), 0.9)
    past = past_with_forecast_days(slots, {SPRING: Scenarios(busy, busy / 2)}, planned, STOCKHOLM)
    plain, mixed = (
        replay_days("value", slots, forecasts, home(), HALF, history=history, workers=1) for history in (slots, past)
    )
    same = [plain.filter(pl.col("local_day") == day).equals(mixed.filter(pl.col("local_day") == day)) for day in days]
    assert same == [True, False, True]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shard_days", "workers"), [(1, 1), *(pytest.param(days, 2, marks=pytest.mark.thorough) for days in (2, 3))]
)
def test_days_are_the_same_bit_for_bit_when_sharded(
    monkeypatch: pytest.MonkeyPatch, shard_days: int, workers: int
) -> None:
    slots = slots_around(AUTUMN, before=2, after=2)
    forecasts = expected(slots)
    whole = replay_days("mpc", slots, forecasts, home(), HALF, workers=1)
    monkeypatch.setattr(planner.replay.schedules, "SHARD_DAYS", shard_days)
    assert replay_days("mpc", slots, forecasts, home(), HALF, workers=workers).equals(whole)


def test_shards_hold_whole_days_in_order_when_there_are_many() -> None:
    slots = days_of_slots(date(2026, 1, 1), date(2026, 6, 1), seed=1)
    pieces = planner.replay.schedules.shards_of_days(slots)
    assert len(pieces) == 3
    assert pl.concat(pieces).equals(slots)
    days = [set(piece["local_day"].to_list()) for piece in pieces]
    assert sum(map(len, days)) == len(set.union(*days)) == 152


@pytest.mark.parametrize("scrambled", ["load_kwh", "pv_kwh"])
def test_commands_up_to_a_slot_are_the_same_when_readings_from_it_on_are_scrambled(scrambled: str) -> None:
    """The honesty of MPC: its command for a slot knows nothing of that slot, nor of any later one."""
    slots = slots_around(SPRING, before=0)
    noise = pl.Series(np.random.default_rng(7).uniform(0, 2, slots.height))
    forecasts = expected(slots_around(SPRING, before=8))
    base = replay_days("mpc", slots, forecasts, home(), HALF)
    for at in (0, 1, 47, 91):
        later = pl.col("slot_start") >= slots["slot_start"][at]
        other = slots.with_columns(pl.when(later).then(noise).otherwise(scrambled).alias(scrambled))
        changed = replay_days("mpc", other, forecasts, home(), HALF)
        names = ("charge_kw", "discharge_kw", "export_kw")
        assert changed.select(names).head(at + 1).equals(base.select(names).head(at + 1))
        assert not changed.select(names).slice(at + 1).equals(base.select(names).slice(at + 1)), (
            "scrambling did nothing"
        )


def test_mpc_sees_the_slot_before_and_no_other_when_it_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    slots = slots_around(SPRING, before=0, after=0)
    calls: list[tuple[int, float, float | None, float | None]] = []

    def decide(_: Mpc, slot: int, soc_kwh: float, last_load: float | None, last_pv: float | None) -> Command:
        calls.append((slot, soc_kwh, last_load, last_pv))
        return Command(np.array(0.0), np.array(8.0), np.array(0.0))

    monkeypatch.setattr(Mpc, "command", decide)
    frame = replayed("mpc", slots)
    load, pv = slots["load_kwh"].to_list(), slots["pv_kwh"].to_list()
    before = [(None, None), *zip(load[:-1], pv[:-1], strict=True)]
    assert calls == [(i, soc, *before[i]) for i, soc in enumerate(frame["soc_start_kwh"].to_list())]


def test_day_is_the_same_when_prices_readings_and_forecasts_of_the_next_are_scrambled() -> None:
    slots = slots_around(date(2026, 6, 10), before=0)
    forecasts = expected(slots_around(date(2026, 6, 10), before=8))
    today, tomorrow = date(2026, 6, 10), date(2026, 6, 11)

    def scaled(frame: pl.DataFrame, later: pl.Expr, **factors: float) -> pl.DataFrame:
        noise = pl.Series(np.random.default_rng(8).uniform(0.5, 1.5, frame.height))
        return frame.with_columns(
            pl.when(later).then(pl.col(name) * noise * factor).otherwise(name).alias(name)
            for name, factor in factors.items()
        )

    on_tomorrow, after_today = pl.col("local_day") == tomorrow, pl.col("local_day") > today
    other = scaled(slots, on_tomorrow, load_kwh=2, pv_kwh=0.5, import_price=3, export_price=0.5)
    newer = scaled(forecasts, after_today, load_kwh=0.2, pv_kwh=4)
    base = replay_days("mpc", slots, forecasts, home(), HALF).filter(pl.col("local_day") == today)
    assert replay_days("mpc", other, newer, home(), HALF).filter(pl.col("local_day") == today).equals(base)


def test_forecast_is_that_of_the_days_own_vintage_when_others_cover_its_slots() -> None:
    """Yesterday's vintage forecasts today's slots too."""
    slots = slots_around(date(2026, 6, 10), before=0, after=0)
    forecasts = expected(slots_around(date(2026, 6, 10), before=8))
    own = forecasts.filter(pl.col("local_day") == date(2026, 6, 10))
    assert own.height < forecasts.height
    assert replay_days("mpc", slots, forecasts, home(), HALF).equals(replay_days("mpc", slots, own, home(), HALF))


def test_central_forecast_is_used_when_there_are_other_quantiles() -> None:
    slots = slots_around(date(2026, 6, 10), before=0, after=0)
    central = expected(slots_around(date(2026, 6, 10), before=8))
    high = central.with_columns(quantile=pl.lit(0.9), load_kwh=pl.col("load_kwh") * 3)
    both = pl.concat([high, central])
    assert replay_days("mpc", slots, both, home(), HALF).equals(replay_days("mpc", slots, central, home(), HALF))
    bare = central.drop("quantile")
    assert replay_days("mpc", slots, bare, home(), HALF).equals(replay_days("mpc", slots, central, home(), HALF))


def test_mpc_plans_on_its_readings_when_there_is_no_forecast() -> None:
    """A first day: still within all limits, and cheaper than idle."""
    slots = slots_around(date(2026, 6, 10), before=0, after=0)
    none = expected(slots).clear()
    costs = {
        policy: daily_results(replay_days(policy, slots, none, home(), HALF), HALF, home())["cost"][0]
        for policy in ("idle", "mpc", "oracle")
    }
    assert costs["oracle"] <= costs["mpc"] < costs["idle"]


def test_mpc_expects_no_sun_when_only_the_load_is_forecast() -> None:
    slots = slots_around(date(2026, 6, 10), before=0, after=0)
    dark = expected(slots_around(date(2026, 6, 10), before=8)).with_columns(pv_kwh=pl.lit(None, dtype=pl.Float64))
    zero = dark.with_columns(pv_kwh=pl.lit(0.0))
    assert replay_days("mpc", slots, dark, home(), HALF).equals(replay_days("mpc", slots, zero, home(), HALF))


@pytest.mark.parametrize("limits", [Limits(), TIGHT, Limits(export_kw=0), Limits(inverter_kw=4)])
def test_oracle_costs_least_and_nobody_breaches_when_days_are_ordinary(limits: Limits) -> None:
    slots = slots_around(SPRING, AUTUMN)
    site = home(limits=limits)
    forecasts = expected(slots)
    results = pl.concat(
        daily_results(replay_days(policy, slots, forecasts, site, HALF), HALF, site) for policy in REPLAYERS
    )
    assert results["breaches"].sum() == 0
    bound = results.filter(pl.col("policy") == "oracle").select("day", bound="cost")
    beside = results.join(bound, on="day")
    assert (beside["cost"] >= beside["bound"] - 1e-6).all()
    assert beside["start_soc_kwh"].unique().to_list() == [17.1]


@EVERY_POLICY
def test_schedule_balances_and_follows_its_stored_energy_when_replayed(policy: str) -> None:
    frame = replayed(policy, slots_around(AUTUMN), home(limits=TIGHT))
    value = {name: frame[name].to_numpy() for name in frame.columns if frame[name].dtype == pl.Float64}
    into = value["pv_kwh"] + value["discharge_kwh"] + value["import_kwh"]
    out = value["load_kwh"] + value["charge_kwh"] + value["export_kwh"] + value["curtailed_kwh"]
    np.testing.assert_allclose(into, out, atol=1e-9)
    one_way = DEFAULT_BATTERY.charge_efficiency
    moved = value["charge_kwh"] * one_way - value["discharge_kwh"] / one_way
    np.testing.assert_allclose(value["soc_start_kwh"] + moved, value["soc_end_kwh"], atol=1e-9)
    assert all((value[name] >= 0).all() for name in (*FLOWS, "charge_kw", "discharge_kw", "export_kw"))
    cost = (
        value["import_kwh"] * value["import_price"]
        - value["export_kwh"] * value["export_price"]
        + 0.2 * (value["charge_kwh"] + value["discharge_kwh"])
    )
    np.testing.assert_allclose(value["cost"], cost, atol=1e-12)
    firsts = frame.group_by("local_day").agg(pl.col("soc_start_kwh").sort_by("slot_start").first())
    assert firsts["soc_start_kwh"].unique().to_list() == [17.1]
    assert set(frame["reason"].unique()) <= set(REASONS)


def test_oracle_of_a_day_is_the_optimal_schedule_of_its_slots() -> None:
    slots = slots_around(SPRING, before=0, after=0)
    value = HALF.settlement(slots["import_price"].to_numpy(), DEFAULT_BATTERY)
    best = solve_optimal_schedule(slots, home(), start_soc_kwh=17.1, settlement_value=value)
    results = daily_results(replayed("oracle", slots), HALF, home())
    assert results["cost"][0] == pytest.approx(best.cost, abs=1e-9)


def test_idle_leaves_the_battery_alone_and_sells_every_surplus() -> None:
    frame = replayed("idle", slots_around(SPRING))
    assert frame.select("charge_kwh", "discharge_kwh").sum().row(0) == (0, 0)
    surplus = (frame["pv_kwh"] - frame["load_kwh"]).clip(lower_bound=0)
    np.testing.assert_allclose(frame["export_kwh"], surplus, atol=1e-12)


def test_self_consumption_never_sells_what_the_battery_could_store_nor_buys_what_it_could_give() -> None:
    frame = replayed("self_consumption", slots_around(SPRING), home(PAPER_BATTERY), Protocol(start_soc_kwh=5.0))
    exporting = frame.filter(pl.col("export_kwh") > 1e-9)
    importing = frame.filter(pl.col("import_kwh") > 1e-9)
    assert exporting.height * importing.height > 0
    full_or_fast = (pl.col("soc_end_kwh") >= 9 - 1e-9) | (pl.col("charge_kwh") >= 1 - 1e-9)
    empty_or_fast = (pl.col("soc_end_kwh") <= 1 + 1e-9) | (pl.col("discharge_kwh") >= 1 - 1e-9)
    assert exporting.select(full_or_fast.all()).item()
    assert importing.select(empty_or_fast.all()).item()


@EVERY_POLICY
def test_schedule_has_the_columns_of_its_table_when_replayed(policy: str) -> None:
    """All but what the lake adds, in any number of days, none too."""
    declared = {
        column.name: column.dtype
        for column in POLICY_SCHEDULES.columns
        if column.name not in {"site", "config_version"}
    }
    slots = slots_around(SPRING, before=0, after=0)
    for frame in (replayed(policy, slots), replay_days(policy, slots.clear(), expected(slots), home(), HALF)):
        assert dict(frame.select(declared.keys()).schema) == declared
        assert set(frame.columns) == set(declared)


def test_policy_is_refused_with_those_there_are_when_it_is_unknown() -> None:
    slots = slots_around(SPRING)
    with pytest.raises(
        UnknownPolicyError, match="'rl' is not known; known: idle, self_consumption, mpc, value, oracle"
    ):
        replayed("rl", slots)


@pytest.mark.parametrize("name", ["import_price", "export_price", "load_kwh", "pv_kwh"])
@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_day_is_refused_when_a_slot_has_no_number(name: str, value: float | None) -> None:
    slots = slots_around(SPRING)
    broken = slots.with_columns(
        pl.when(pl.col("slot_start") == slots["slot_start"][5]).then(pl.lit(value)).otherwise(name).alias(name)
    )
    with pytest.raises(IncompleteDayError, match=f"{name}: 1 of 284 slots have no finite value"):
        replay_days("idle", broken, expected(slots), home(), HALF)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        pytest.param(slice(0, 90), r"2026-03-29 has 90 of 92 slots", id="the evening missing"),
        pytest.param([*range(40), *range(41, 92)], r"2026-03-29 has 91 of 92 slots", id="one missing"),
        pytest.param([*range(92), 91], r"2026-03-29 has 93 of 92 slots", id="one twice"),
        pytest.param(
            [*range(91), 90], r"2026-03-29: slot 2026-03-29 21:30:00\+00:00 comes twice", id="one for another"
        ),
    ],
)
def test_day_is_refused_when_it_is_not_whole(rows: slice | list[int], message: str) -> None:
    """Part of a day would be settled as if the day had ended there."""
    slots = slots_around(SPRING, before=0, after=0)
    broken = slots[rows]
    with pytest.raises(IncompleteDayError, match=message):
        replay_days("idle", broken, expected(slots), home(), HALF)


@pytest.mark.parametrize("timezone", ["Australia/Lord_Howe", "America/Havana", "Asia/Kolkata"])
def test_days_replay_when_the_zone_is_unusual(timezone: str) -> None:
    """Days of 94 and 98 slots, and days that begin at one o'clock."""
    moves = {"Australia/Lord_Howe": date(2026, 4, 5), "America/Havana": date(2026, 3, 8), "Asia/Kolkata": SPRING}
    day = moves[timezone]
    slots = days_of_slots(day - timedelta(days=1), day + timedelta(days=1), seed=1, timezone=timezone)
    forecasts = expected(slots, timezone)
    frame = replay_days("mpc", slots, forecasts, home(timezone=timezone), HALF)
    lengths = frame.group_by("local_day").len().sort("local_day")["len"].to_list()
    assert lengths == [
        slot_count(each, timezone) for each in days_between(day - timedelta(days=1), day + timedelta(days=1))
    ]
