"""A charge for power in the words of slots, by hand."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from env.inverter import Command
from env.power_tariff import PowerTariff, PowerWindow
from env.simulator import World, simulate
from env.time_grid import grid
from planner.optimizer.peak_calendar import peak_calendar
from planner.value.slot_prices import PowerMeter, SlotPrices, slot_prices
from tests.builders.homes import PAPER_BATTERY, STOCKHOLM, home

HALF_AT_NIGHT = PowerTariff(windows=(PowerWindow(start_minute=22 * 60, end_minute=6 * 60, weight=0.5),))
NOT_AT_NIGHT = PowerTariff(
    minutes=15, windows=(PowerWindow(start_minute=22 * 60, end_minute=6 * 60, weight=0),), weight_outside=1.0
)


def prices_of(day: date, *tariffs: PowerTariff) -> SlotPrices:
    """2 kW are free, a kW above costs 8."""
    starts = grid(day, day, STOCKHOLM)["slot_start"]
    calendars = [peak_calendar(starts, tariff, STOCKHOLM) for tariff in tariffs]
    return slot_prices(calendars, np.full(len(tariffs), 2.0), np.full(len(tariffs), 8.0))


@pytest.mark.parametrize(
    ("day", "night"), [(date(2026, 3, 29), 20), (date(2026, 5, 5), 24), (date(2026, 10, 25), 28)],
    ids=["23 h", "24 h", "25 h"],
)  # fmt: skip
def test_slots_share_the_level_by_weight_when_the_clock_changes(day: date, night: int) -> None:
    """Hourly: 0.5 kWh a slot at 8 a kWh; at half weight 1 kWh at 4. Quarters: 0.5 kWh at 4 x 8, and none at night."""
    prices = prices_of(day, HALF_AT_NIGHT, NOT_AT_NIGHT)
    assert prices.free_kwh[0, [0, night - 1, night, -1]].tolist() == [1.0, 1.0, 0.5, 1.0]
    assert prices.price[0, [0, night - 1, night, -1]].tolist() == [4.0, 4.0, 8.0, 4.0]
    assert prices.price[1, [0, night - 1, night, -1]].tolist() == [0.0, 0.0, 32.0, 0.0]
    assert prices.free_kwh[1, night] == 0.5
    assert prices.free_of_all[[0, night], 0].tolist() == [1.0, 0.5]
    assert len(np.unique(prices.period[0])) == prices.price.shape[1] // 4


@pytest.mark.parametrize("different_days", [True, False])
def test_nothing_is_charged_when_no_slot_of_the_span_counts(*, different_days: bool) -> None:
    """A tariff of winter beside one of all the year, in summer."""
    winter = PowerTariff(windows=(PowerWindow(months=(1, 12)),), weight_outside=0, different_days=different_days)
    starts = grid(date(2026, 6, 5), date(2026, 6, 5), STOCKHOLM)["slot_start"]
    calendars = [peak_calendar(starts, tariff, STOCKHOLM) for tariff in (winter, PowerTariff())]
    once_a_day = [different_days, True]
    prices = slot_prices(calendars, np.full(2, 2.0), np.array([9.0, 8.0]), once_a_day=once_a_day)
    assert (prices.price[0].max(), prices.price[1].min()) == (0.0, 8.0)
    assert prices.free_of_all[:, 0].tolist() == [0.5] * 96
    assert prices.room_kw(40, np.zeros(96)) == 2.0
    assert prices.cost_of_slots(np.ones((96, 1))).sum() == pytest.approx(96 * 8 * 0.5)
    assert prices.component == 1, "the day's peak is of the dearest that counts"
    assert prices.day_peak is not None
    assert prices.day_peak.rate == 8.0


def test_rest_of_an_hour_has_what_its_past_left() -> None:
    """Of 2 kWh 0.3 were bought in the first quarter: 1.7 are left, 0.566 a slot; 3 kWh bought leave nothing."""
    prices, imported = prices_of(date(2026, 5, 5), PowerTariff()), np.zeros(96)
    imported[40], imported[39] = 0.3, 99.0
    assert prices.left(41, imported).tolist() == [1.7]
    assert prices.due(41, imported).item() == pytest.approx(1.7 / 3)
    assert prices.cost(41, np.array([0.5, 1.7, 2.0]), prices.left(41, imported)).tolist() == pytest.approx(
        [0, 0, 8 * 0.3]
    )
    assert prices.left(42, imported + (np.arange(96) == 41) * 3.0).tolist() == [0.0]
    assert prices.left(44, imported).tolist() == [2.0]  # another hour


def test_slots_with_one_number_share_a_mean_in_a_program() -> None:
    """The last three quarters of an hour and the first of the next."""
    (shape,) = prices_of(date(2026, 5, 5), PowerTariff()).shapes(41, 45)
    assert shape.period_kw.toarray().tolist() == [[1, 1, 1, 0], [0, 0, 0, 1]]
    assert shape.peak_of.toarray().tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize("retention", [1.0, 0.9])
def test_meter_knows_what_was_imported_when_a_battery_works(retention: float) -> None:
    rng = np.random.default_rng(3)
    site = home(replace(PAPER_BATTERY, retention_per_hour=retention))
    world = World(*(rng.uniform(0, 1.5, (1, 24)) for _ in range(4)))
    commands_kw = rng.choice([0.0, 2.0, 4.0], (3, 24))
    replay = simulate(lambda slot, _: Command(*commands_kw[:, slot]), world, site, np.array([5.0]))
    power = prices_of(date(2026, 5, 5), PowerTariff())
    meter = PowerMeter(site, power)
    for slot in range(25):
        last = (world.load_kwh[:, slot - 1], world.pv_kwh[:, slot - 1]) if slot else (None, None)
        meter.read(slot, replay.soc_kwh[:, slot], *last)
    assert meter.import_kwh[0, :24] == pytest.approx(replay.flows.import_kwh[0], abs=1e-9)


def test_room_of_a_slot_is_its_even_share_or_what_is_left_if_that_is_less() -> None:
    """Four slots share the hour's 4 kWh: after 3 kWh in two of them, 0.5 kWh each are left, 2 kW."""
    prices = SlotPrices(
        free_kwh=np.array([[1.0] * 4, [0.1] * 4]),
        price=np.array([[2.0] * 4, [0.0] * 4]),
        period=np.zeros((2, 4), dtype=np.int64),
    )
    assert prices.room_kw(0, np.zeros(4)) == 4.0
    assert prices.room_kw(2, np.array([1.5, 1.5, 0.0, 0.0])) == 2.0
    assert prices.room_kw(2, np.array([0.0, 0.0, 0.0, 0.0])) == 4.0, "what was saved stays for what is not foreseen"
    assert prices.room_kw(2, np.array([4.0, 4.0, 0.0, 0.0])) == 0.0
    nothing = SlotPrices(free_kwh=np.zeros((0, 4)), price=np.zeros((0, 4)), period=np.zeros((0, 4), dtype=np.int64))
    assert nothing.room_kw(0, np.zeros(4)) == np.inf
