"""Planners that know the month's peaks so far, over daily episodes and through a window."""

from dataclasses import replace
from datetime import date, timedelta

import polars as pl
import pytest

from env.power_tariff import PowerTariff, PowerWindow, Tier
from env.site import Site
from env.tariff import Tariff, TariffVersion
from planner.demand_charges.bills import demand_charge_bills
from planner.demand_charges.day_charges import peaks_of_days
from planner.demand_charges.peak_tracker import PeakTracker
from planner.evaluation.charged_results import charged_results
from planner.evaluation.daily_results import daily_results
from planner.evaluation.verified_days import only_verified, only_verified_window
from planner.forecasts.naive import naive_forecasts
from planner.policies.window import open_window
from planner.replay import monthly
from planner.replay.continuous import replay_in, replay_window
from planner.replay.daily import replay_days, replay_policies
from planner.replay.monthly_oracle import months_oracle
from planner.value.protocol import Protocol
from tests.builders.homes import STOCKHOLM, days_of_slots, home

PROTOCOL = Protocol(start_soc_kwh=17.1)
PER_KW = (PowerTariff(price_per_kw=81.25),)
TIERS = tuple(Tier(up_to_kw=kw, cost=cost) for kw, cost in ((2.0, 20.0), (5.0, 80.0), (9.0, 120.0)))


def charging(*tariffs: PowerTariff) -> Site:
    version = TariffVersion(valid_from=date(2000, 1, 1), vat=0.25, transfer_fee=0.2456, energy_tax=0.439, power=tariffs)
    return replace(home(), tariff=Tariff((version,)))


def taking_limits(site: Site) -> Site:
    return replace(site, limits=replace(site.limits, takes_import_limit=True))


def week(first: date, n_days: int) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Days to replay, their forecasts, and readings from a week before them on."""
    last = first + timedelta(days=n_days - 1)
    every = days_of_slots(first - timedelta(days=7), last, seed=11)
    slots = every.filter(pl.col("local_day") >= first)
    history = every.select("slot_start", "load_kwh", "pv_kwh")
    days = slots["local_day"].unique().sort().to_list()
    return slots, naive_forecasts(history, days, STOCKHOLM, load_days=7, pv_days=3), history


def paid(schedules: pl.DataFrame, site: Site) -> float:
    energy = float(daily_results(schedules, PROTOCOL, site)["cost"].sum())
    return energy + float(demand_charge_bills(schedules, site)["power_cost"].sum())


@pytest.mark.parametrize("policy", ["mpc", "value"])
def test_a_month_before_power_is_charged_is_as_without_a_charge(policy: str) -> None:
    slots, forecasts, history = week(date(2026, 3, 3), 1)
    plain = charging()
    later = replace(charging(*PER_KW).tariff.versions[0], valid_from=date(2026, 4, 1))
    site = replace(plain, tariff=Tariff((*plain.tariff.versions, later)))
    free, before = (
        replay_days(policy, slots, forecasts, each, PROTOCOL, history=history, workers=1) for each in (plain, site)
    )
    assert paid(before, site) == pytest.approx(paid(free, plain))


@pytest.mark.parametrize(
    ("policy", "site"),
    [
        pytest.param("mpc", charging(*PER_KW), id="mpc"),
        pytest.param("value", charging(*PER_KW), id="value"),
        pytest.param("value", taking_limits(charging(*PER_KW)), id="value with import limits"),
    ],
)
@pytest.mark.parametrize("first", [date(2026, 3, 28), date(2026, 10, 24)], ids=["spring", "autumn"])
def test_planner_pays_less_when_it_knows_the_charge(policy: str, site: Site, first: date) -> None:
    """Three days around a change of the clock, against the same planner that sees no charge, and above the bound."""
    slots, forecasts, history = week(first, 3)
    aware, blind = (
        replay_days(policy, slots, forecasts, each, PROTOCOL, history=history, workers=1) for each in (site, home())
    )
    only_verified(aware, site, PROTOCOL)
    bound = float(months_oracle(slots, site, PROTOCOL, workers=1).bounds["bound"].sum())
    assert bound - 1e-6 <= paid(aware, site) < 0.7 * paid(blind, site)
    assert aware["slot_start"].to_list() == slots["slot_start"].to_list()
    limits = ["import_limit_kw"] if site.limits.takes_import_limit else []
    assert [name for name in aware.columns if name not in blind.columns] == limits


@pytest.mark.parametrize("policy", ["mpc", "value"])
def test_component_of_another_season_changes_no_command(policy: str) -> None:
    slots, forecasts, history = week(date(2026, 3, 28), 2)
    summer = PowerTariff(price_per_kw=200.0, months=(7, 8))
    alone, beside = (
        replay_days(policy, slots, forecasts, charging(*power), PROTOCOL, history=history, workers=1)
        for power in (PER_KW, (*PER_KW, summer))
    )
    for name in ("charge_kw", "discharge_kw", "export_kw"):
        assert beside[name].to_list() == pytest.approx(alone[name].to_list(), abs=1e-9)


@pytest.mark.parametrize("policy", ["mpc", "value"])
def test_battery_ends_the_day_full_or_empty_by_what_stored_energy_is_worth_then(policy: str) -> None:
    """Dearer than every slot, it is kept and bought; worth nothing, it is used up."""
    site, (slots, forecasts, history) = charging(PowerTariff(price_per_kw=1.0)), week(date(2026, 4, 29), 1)
    kept, used = (
        replay_days(
            policy, slots, forecasts, site, replace(PROTOCOL, settlement_value=worth), history=history, workers=1
        )
        for worth in (9.0, 0.0)
    )
    low, high = site.battery.min_soc_kwh, site.battery.max_soc_kwh
    assert kept["soc_end_kwh"][-1] > 0.95 * high
    assert used["soc_end_kwh"][-1] < 1.1 * low


def test_day_is_the_same_when_the_days_after_it_are_not_there() -> None:
    """The past month does not depend on what comes; another month begins anew."""
    site, (slots, forecasts, history) = charging(*PER_KW), week(date(2026, 4, 29), 3)
    whole = replay_days("value", slots, forecasts, site, PROTOCOL, history=history, workers=1)
    part = slots.filter(pl.col("local_day") < date(2026, 5, 1))
    alone = replay_days("value", part, forecasts, site, PROTOCOL, history=history, workers=1)
    assert whole.filter(pl.col("local_day") < date(2026, 5, 1)).equals(alone)


@pytest.mark.parametrize("policy", ["mpc", "value"])
def test_planner_pays_less_through_a_window_when_it_knows_the_charge(policy: str) -> None:
    """Over the end of a month and the day of 25 hours."""
    site, (slots, forecasts, history) = charging(*PER_KW), week(date(2026, 10, 24), 3)
    aware, blind, best = (
        replay_window(name, slots, forecasts, history, each, PROTOCOL)
        for name, each in ((policy, site), (policy, home()), ("oracle", site))
    )
    only_verified_window(policy, aware, site, PROTOCOL)
    bill = [float(demand_charge_bills(each, site)["power_cost"].sum()) for each in (best, aware, blind)]
    assert bill[1] < 0.7 * bill[2]
    settlement_value = PROTOCOL.settlement(
        slots.filter(pl.col("local_day") == date(2026, 10, 26))["import_price"].to_numpy(), site.battery
    )
    total = [
        float(each["cost"].sum()) - settlement_value * float(each["soc_end_kwh"][-1]) + cost
        for each, cost in zip((best, aware, blind), bill, strict=True)
    ]
    assert total[0] <= min(total[1:]) + 1e-6
    assert total[1] < total[2]


@pytest.mark.parametrize("charge", [PER_KW, (PowerTariff(top=2, tiers=TIERS),)], ids=["per kW", "steps"])
def test_range_that_begins_inside_a_month_goes_on_from_its_peaks(charge: tuple[PowerTariff, ...]) -> None:
    """Days count what they add to the days before, for policies and the bound alike."""
    site, (slots, forecasts, history) = charging(*charge), week(date(2026, 5, 4), 3)
    whole = replay_days("value", slots, forecasts, site, PROTOCOL, history=history, workers=1)
    first = pl.col("local_day") == date(2026, 5, 4)
    begun = replace(PROTOCOL, month_before=tuple(peaks_of_days(whole.filter(first), site).items()))
    rest = charged_results(whole.filter(~first), begun, site)
    assert rest.equals(charged_results(whole, PROTOCOL, site).filter(pl.col("day") > date(2026, 5, 4)))
    alone = replay_days("value", slots.filter(~first), forecasts, site, begun, history=history, workers=1)
    best = months_oracle(slots.filter(~first), site, begun, workers=1)
    least = float(best.bounds["bound"].sum())
    bills: list[float] = []
    for schedule in (best.schedules, whole.filter(~first), alone):
        results = charged_results(schedule, begun, site)
        bills.append(float((results["cost"] + results["power_cost"]).sum()))
    assert least <= min(bills) + 1e-6
    if charge == PER_KW:
        assert bills[0] == pytest.approx(least)


@pytest.mark.parametrize("through", [False, True], ids=["days", "window"])
def test_peaks_that_stand_cost_nothing_more(through: bool) -> None:  # noqa: FBT001 - a parameter
    """With three days of 50 kW before, a planner and the oracle buy as where power is not charged."""
    site, (slots, forecasts, history) = charging(*PER_KW), week(date(2026, 5, 4), 2)
    begun = replace(PROTOCOL, month_before=tuple((date(2026, 5, day), ((50.0,),)) for day in (1, 2, 3)))
    if through:
        window = open_window(slots, forecasts, history, site, begun)
        free = open_window(slots, forecasts, history, home(), PROTOCOL)
        pairs = [(replay_in(name, window), replay_in(name, free)) for name in ("value", "oracle")]
    else:
        pairs = [
            (
                replay_days("value", slots, forecasts, site, begun, history=history, workers=1),
                replay_days("value", slots, forecasts, home(), PROTOCOL, history=history, workers=1),
            )
        ]
    for charged, uncharged in pairs:
        assert charged_results(charged, begun, site)["power_cost"].to_list() == [0.0, 0.0]
        assert float(charged["cost"].sum()) == pytest.approx(float(uncharged["cost"].sum()), rel=0.02)


@pytest.mark.parametrize(
    ("tariff", "peaks_kw", "level", "price"),
    [
        pytest.param(PowerTariff(top=2, price_per_kw=80.0), [9.0, 6.0], 6.0, 40.0, id="the second highest stands"),
        pytest.param(PowerTariff(top=3, price_per_kw=81.0), [9.0, 6.0], 0.0, 27.0, id="a third is not there"),
        pytest.param(PowerTariff(top=1, price_per_kw=80.0, minimum_kw=4.0), [], 4.0, 80.0, id="four kW at least"),
        pytest.param(PowerTariff(top=1, tiers=TIERS), [4.0], 4.0, 10.0, id="the next step: 40 for four kW"),
        pytest.param(PowerTariff(top=1, tiers=TIERS), [30.0], 30.0, 0.0, id="above all steps"),
    ],
)  # fmt: skip
def test_level_is_what_stands_when_no_day_is_known(
    tariff: PowerTariff, peaks_kw: list[float], level: float, price: float
) -> None:
    watch, day = PeakTracker(charging(tariff), PROTOCOL), date(2026, 5, 5)
    watch.begin_day(day)
    for number, kw in enumerate(peaks_kw):
        past_day = days_of_slots(day - timedelta(days=number + 1), day - timedelta(days=number + 1), seed=1)
        watch.end_day(past_day.select("slot_start", import_kwh=pl.lit(kw / 4)))
    today = days_of_slots(day, day, seed=1)
    prices = watch.prices(today["slot_start"], [], today)
    assert prices.free_kwh[0, 40] * 4 == pytest.approx(level)
    assert prices.price[0, 40] == pytest.approx(price)
    watch.begin_day(date(2026, 6, 1))
    assert watch.peaks_kw == [[]]


def test_limit_is_commanded_through_a_window_and_only_with_a_charge() -> None:
    charged, (slots, forecasts, history) = taking_limits(charging(*PER_KW)), week(date(2026, 4, 29), 2)
    schedule = replay_window("value", slots, forecasts, history, charged, PROTOCOL)
    only_verified_window("value", schedule, charged, PROTOCOL)
    assert schedule["import_limit_kw"].count() > schedule.height / 2
    uncharged = replay_window("value", slots, forecasts, history, taking_limits(home()), PROTOCOL)
    assert uncharged.equals(replay_window("value", slots, forecasts, history, home(), PROTOCOL))


def test_planners_are_the_same_bit_for_bit_when_they_share_their_months() -> None:
    site, (slots, forecasts, history) = charging(*PER_KW), week(date(2026, 4, 28), 2)
    policies = ["idle", "mpc", "value"]
    together = replay_policies(policies, slots, forecasts, site, PROTOCOL, history=history)
    for policy, schedule in zip(policies, together, strict=True):
        alone = replay_days(policy, slots, forecasts, site, PROTOCOL, history=history, workers=1)
        assert schedule.equals(alone), policy


WEEKDAYS = PowerTariff(price_per_kw=40.0, top=1, windows=(PowerWindow(weekdays=(6, 7), weight=0.0),))


@pytest.mark.parametrize("charge", [PER_KW, (WEEKDAYS,), (*PER_KW, WEEKDAYS)], ids=["per kW", "weekdays", "both"])
def test_months_are_the_same_bit_for_bit_when_replayed_together_or_one_by_one(
    charge: tuple[PowerTariff, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of three months: one begins with a day of 23 hours, and of one a single day is there."""
    site, (slots, forecasts, history) = charging(*charge), week(date(2026, 3, 29), 35)
    kept = slots.filter(~pl.col("local_day").is_between(date(2026, 3, 31), date(2026, 4, 29)))
    together = replay_days("value", kept, forecasts, site, PROTOCOL, history=history, workers=1)
    monkeypatch.setattr(monthly, "MONTHS_TOGETHER", 1)
    assert together.equals(replay_days("value", kept, forecasts, site, PROTOCOL, history=history, workers=1))
