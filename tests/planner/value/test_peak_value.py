"""A day's peak so far as a second state: against a dynamic program by brute force, and by hand."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from env.inverter import Energy
from env.power_tariff import PowerTariff, PowerWindow
from env.time_grid import grid
from planner.optimizer.peak_calendar import peak_calendar
from planner.value import peak_value
from planner.value.day_peak import DayPeak, PeakMeter
from planner.value.peak_value import peak_value_at_start, peak_value_function
from planner.value.scenarios import Scenarios
from planner.value.slot_prices import SlotPrices, slot_prices
from planner.value.value_function import soc_grid, value_function
from tests.builders.homes import PAPER_BATTERY, STOCKHOLM, home

SITE = home(PAPER_BATTERY)
HALF_AT_NIGHT = PowerTariff(windows=(PowerWindow(start_minute=22 * 60, end_minute=6 * 60, weight=0.5),))
FINE_KW = np.linspace(1.0, 9.0, 161)
NOTHING = SlotPrices(free_kwh=np.zeros((0, 8)), price=np.zeros((0, 8)), period=np.zeros((0, 8), np.int64))


def quarters(n_slots: int, level_kw: float, rate: float, day: Energy | None = None) -> DayPeak:
    """Each slot is a period of its own."""
    return DayPeak(
        level_kw=np.array([level_kw]),
        rate=rate,
        kw_per_kwh=np.full(n_slots, 4.0),
        period=np.arange(n_slots),
        day=np.zeros(n_slots, np.int64) if day is None else day.astype(np.int64),
    )


def brute_force(
    scenarios: Scenarios, prices: Energy, peak: DayPeak, soc: Energy, peaks_kw: Energy, persistence: float
) -> Energy:
    """Cost at the first slot `(n_scenarios, n_soc, n_peaks)`: every move of a 24th of a step, every peak by itself."""
    battery, (load, pv) = SITE.battery, (scenarios.load_kwh[0], scenarios.pv_kwh[0])
    step = soc[1] - soc[0]
    moves = np.arange(-48, 49) * step / 24
    later = np.broadcast_to(peak.rate * (peaks_kw - peak.level_kw), (len(load), len(soc), len(peaks_kw)))
    for t in reversed(range(load.shape[1])):
        mixed = persistence * later + (1 - persistence) * later.mean(axis=0)
        now = np.full_like(mixed, np.inf)
        for s in range(len(load)):
            for move in moves:
                charge = battery.charge_storing(np.maximum(move, 0.0))
                discharge = battery.discharge_drawing(np.maximum(-move, 0.0))
                most = np.array([battery.charge_kw, battery.discharge_kw]) / 4 + 1e-9
                if charge > most[0] or discharge > most[1]:
                    continue
                drawn = max(float(load[s, t] - pv[s, t] + charge - discharge), 0.0)
                sold = max(float(pv[s, t] - load[s, t] - charge + discharge), 0.0)
                cost = drawn * prices[0, t] - sold * prices[1, t]
                cost += charge * battery.charge_wear + discharge * battery.discharge_wear
                place = (np.maximum(peaks_kw, 4 * drawn) - peaks_kw[0]) / (peaks_kw[1] - peaks_kw[0])
                low = np.clip(place.astype(int), 0, len(peaks_kw) - 2)
                at_peak = mixed[s][:, low] + (place - low) * (mixed[s][:, low + 1] - mixed[s][:, low])
                end = soc + move
                inside = (end > soc[0] - 1e-9) & (end < soc[-1] + 1e-9)
                reached = np.array([np.interp(end, soc, column) for column in at_peak.T]).T
                now[s, inside] = np.minimum(now[s, inside], cost + reached[inside])
        later = now
    return later


@pytest.mark.parametrize("seed", [1, 2])
def test_cost_is_that_of_a_dynamic_program_by_brute_force(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hours of quarters, three scenarios; apart by the coarseness of moves and caps."""
    monkeypatch.setattr(peak_value, "PEAK_POINTS", 9)
    rng, n_slots = np.random.default_rng(seed), 8
    scenarios = Scenarios(rng.uniform(0.2, 1.2, (1, 3, n_slots)), rng.uniform(0, 0.4, (1, 3, n_slots)))
    prices = np.stack([rng.uniform(0.5, 3.0, n_slots), rng.uniform(0.0, 0.5, n_slots)])
    peak, soc = quarters(n_slots, 1.0, 5.0), soc_grid(PAPER_BATTERY, 9)
    exact, off = brute_force(scenarios, prices, peak, soc, FINE_KW, 0.9), list[float]()
    at = np.array([1.0, 1.5, 2.5, 3.0])
    theirs = np.array([[np.interp(at, FINE_KW, row) for row in each] for each in exact])
    for caps, least in ((5, 0.5), (40, 0.01)):
        monkeypatch.setattr(peak_value, "MOST_CAPS", caps)
        monkeypatch.setattr(peak_value, "LEAST_STEP_KW", least)
        found = peak_value_function(
            scenarios, prices[:1], prices[1:], site=SITE, end_value=np.zeros((1, 9)), peak=peak, others=NOTHING
        )
        by_cap = np.moveaxis(found.value[0, :, 0], 1, 2)
        ours = -np.array([[np.interp(at, found.caps_kw[0], row) for row in each] for each in by_cap])
        assert found.caps_kw[0, -1] > at[-1]
        off.append(float(np.abs(ours - theirs).max()))
    assert off[1] <= 0.2, "of 0.3 to 17; moves of 42 Wh, at 20 a kWh, are coarse, too"
    assert off[0] <= 0.8


def test_row_of_a_cap_that_nothing_passes_is_worth_what_no_charge_is() -> None:
    rng = np.random.default_rng(5)
    scenarios = Scenarios(rng.uniform(0, 1.0, (2, 3, 8)), rng.uniform(0, 1.0, (2, 3, 8)))
    price, end = np.linspace(0.5, 2.0, 16).reshape(2, 8), 0.5 * np.arange(31.0) * np.ones((2, 1))
    peak = quarters(8, 20.0, 5.0)
    found = peak_value_function(scenarios, price, 0 * price, site=SITE, end_value=end, peak=peak, others=NOTHING)
    free = value_function(scenarios, price, 0 * price, site=SITE, end_value=end)
    assert found.value[:, :, :, 0] == pytest.approx(free.value, abs=1e-9)
    left = found.left(found.expected(0, np.full((2, 3), 1 / 3)), np.full((2, 1), 3.0), np.full((2, 1), 5.0))
    assert left[:, 0] == pytest.approx(free.at(0, np.full((2, 1), 5.0))[:, 0])


def test_homes_are_worth_the_same_bit_for_bit_together_and_alone() -> None:
    """The first reaches 4 kW and has two caps, the second 8 kW and has more; each has its own level."""
    rng = np.random.default_rng(7)
    scenarios = Scenarios(rng.uniform(0, 1.0, (2, 3, 8)) * np.array([1.0, 2.0])[:, None, None], np.zeros((2, 3, 8)))
    price, end = rng.normal(0.5, 1.0, (2, 8)), 0.5 * np.arange(31.0) * np.ones((2, 1))
    peaks = [quarters(8, level, 5.0) for level in (3.8, 2.0)]
    arguments = {"site": SITE, "others": NOTHING}
    together = peak_value_function(scenarios, price, price, end_value=end, peak=peaks[0].joined(peaks[1:]), **arguments)
    start = peak_value_at_start(scenarios, price, price, end_value=end, peak=peaks[0].joined(peaks[1:]), **arguments)
    held, kw = np.full((2, 40), 3.0), np.tile(np.linspace(0.0, 12.0, 40), (2, 1))
    left = together.left(together.expected(0, np.full((2, 3), 1 / 3)), kw, held)
    assert np.array_equal(left, start.left(start.expected(0, np.full((2, 3), 1 / 3)), kw, held))
    for place, peak in enumerate(peaks):
        own = slice(place, place + 1)
        alone = peak_value_function(
            scenarios.part(own), price[own], price[own], end_value=end[own], peak=peak, **arguments
        )
        n_caps = alone.caps_kw.shape[1]
        assert np.array_equal(together.value[own, :, :, :n_caps], alone.value)
        assert np.array_equal(left[own], alone.left(alone.expected(0, np.full((1, 3), 1 / 3)), kw[own], held[own]))
    assert together.own_caps.tolist() == sorted(together.own_caps.tolist())


def test_peak_begins_anew_at_midnight() -> None:
    """Four slots of each day take 1 kWh, 4 kW; the level is 1 kW and a kW above it 5, of each day once."""
    scenarios = Scenarios(np.full((1, 1, 8), 1.0), np.zeros((1, 1, 8)))
    idle = home(replace(PAPER_BATTERY, charge_kw=0.0, discharge_kw=0.0))
    peak = quarters(8, 1.0, 5.0, np.repeat([0, 1], 4))
    nothing = np.zeros((1, 8))
    found = peak_value_function(
        scenarios, nothing, nothing, site=idle, end_value=np.zeros((1, 9)), peak=peak, others=NOTHING
    )
    assert found.value[0, 0, 0, :, 4].tolist() == pytest.approx((-15.0 - 15.0 + 0 * found.caps_kw[0]).tolist())
    assert found.left(found.expected(4, np.ones((1, 1))), np.array([[9.0]]), np.array([[5.0]])) == pytest.approx(-40.0)


@pytest.mark.parametrize(
    ("day", "n_night"), [(date(2026, 3, 29), 20), (date(2026, 5, 5), 24), (date(2026, 10, 25), 28)],
    ids=["23 h", "24 h", "25 h"],
)  # fmt: skip
def test_meter_counts_weighted_hours_of_each_day_when_the_clock_changes(day: date, n_night: int) -> None:
    """Half at night; an hour under way is projected by what its slot imports."""
    starts = grid(day, day + timedelta(days=1), STOCKHOLM)["slot_start"]
    prices = slot_prices([peak_calendar(starts, HALF_AT_NIGHT, STOCKHOLM)], np.ones(1), np.ones(1), once_a_day=[True])
    assert prices.day_peak is not None
    assert prices.others.price.shape == (0, len(starts))
    peak, idle = prices.day_peak, home(replace(PAPER_BATTERY, charge_kw=0.0, discharge_kw=0.0))
    midnight = len(starts) - 96
    assert np.flatnonzero(np.diff(peak.day)).tolist() == [midnight - 1]
    load = np.zeros(len(starts))
    load[4:6], load[n_night : n_night + 2] = 2.0, 0.5
    meter, soc = PeakMeter(idle, peak, 1), np.array([5.0])
    seen: list[tuple[float, float]] = []
    for slot in range(len(starts)):
        last = (load[None, slot - 1], np.zeros(1)) if slot else (None, None)
        meter.read(slot, soc, *last)
        seen.append((meter.peak_kw.item(), meter.open_kwh.item()))
    assert seen[6] == (0.0, 4.0)
    assert seen[8] == (2.0, 0.0), "4 kWh of a night hour are 2 kW"
    assert seen[n_night + 2] == (2.0, 1.0)
    assert seen[midnight - 1][0] == 2.0
    assert seen[midnight] == (0.0, 0.0)
    meter.begin(np.array([[*load[:5], np.nan]]))
    assert (meter.peak_kw.item(), meter.open_kwh.item()) == (0.0, 2.0), "the first quarter of two, and a gap"
    net = np.zeros((1, 1, len(starts)))
    net[..., n_night + 3] = 1.0
    power = peak.projected_kw(n_night + 2, np.array([[[0.0, 0.5]]]), np.array([1.0]), net)
    assert power.ravel().tolist() == [2.0, 3.0], "1 + 0 + 1 and 1 + 0.5 + 1.5 kWh by day"
    means = peak.period_means(np.arange(len(starts), dtype=np.float64))
    assert means[[0, 5, n_night]].tolist() == [1.5, 5.5, n_night + 1.5]


def test_dearest_component_of_which_a_day_counts_once_is_the_state() -> None:
    starts = grid(date(2026, 5, 5), date(2026, 5, 5), STOCKHOLM)["slot_start"]
    calendars = [peak_calendar(starts, tariff, STOCKHOLM) for tariff in (PowerTariff(), HALF_AT_NIGHT, PowerTariff())]
    rates = np.array([1.0, 2.0, 3.0])
    prices = slot_prices(calendars, np.ones(3), rates, once_a_day=[True, True, False])
    assert prices.day_peak is not None
    assert (prices.day_peak.rate, prices.component) == (2.0, 1)
    assert prices.others.price[:, 40].tolist() == [1.0, 3.0]
    assert slot_prices(calendars, np.ones(3), rates, once_a_day=[False] * 3).day_peak is None
    assert slot_prices(calendars, np.ones(3), 0 * rates, once_a_day=[True] * 3).day_peak is None


def test_room_of_a_slot_keeps_to_the_level_or_to_the_days_peak() -> None:
    """Hours that count half, level 3 kW weighted: 6 kW; with a peak of 5 kW, 10; after 4 kWh in half of it, 4 kW."""
    peak = DayPeak(
        level_kw=np.array([3.0]),
        rate=1.0,
        kw_per_kwh=np.array([0.5] * 4 + [0.0]),
        period=np.array([0, 0, 0, 0, -1]),
        day=np.zeros(5, dtype=np.int64),
    )
    nothing, homes = np.zeros(2), np.array([0.0, 5.0])
    assert peak.room_kw(0, homes, nothing).tolist() == [6.0, 10.0]
    assert peak.room_kw(2, nothing, np.array([4.0, 7.0])).tolist() == [4.0, 0.0]
    assert peak.room_kw(2, nothing, np.array([0.0, 1.0])).tolist() == [6.0, 6.0]
    assert np.isinf(peak.room_kw(4, homes, nothing)).all()
