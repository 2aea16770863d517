"""Homes that pay for power are decided together, each to the bit as by itself."""

from datetime import date

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from env.inverter import Decision, Energy
from env.power_tariff import PowerTariff, PowerWindow
from env.simulator import Replay, World, simulate
from env.site import Limits
from env.time_grid import grid
from planner.optimizer.peak_calendar import peak_calendar
from planner.policies.value_policy import ValueDays
from planner.value.scenarios import Scenarios
from planner.value.slot_prices import SlotPrices, slot_prices
from tests.builders.homes import PAPER_BATTERY, STOCKHOLM, home

N_SLOTS, METERED = 24, 5
COMPONENTS = (
    PowerTariff(windows=(PowerWindow(start_minute=0, end_minute=3 * 60, weight=0.5),)),
    PowerTariff(minutes=15),
    PowerTariff(different_days=False),
)
DAYS = st.sampled_from([date(2026, 3, 29), date(2026, 5, 5), date(2026, 10, 25)])
KW = st.floats(0.0, 6.0)


def replayed(power: SlotPrices, world: World, scenarios: Scenarios, metered: Energy, *, limited: bool) -> Replay:
    """The rest of a span of which some slots are over, decided by `value`."""
    site = home(PAPER_BATTERY, Limits(import_kw=12.0, takes_import_limit=limited))
    days = ValueDays(
        site=site,
        scenarios=scenarios,
        import_price=world.import_price,
        export_price=world.export_price,
        end_value=np.zeros((len(metered), 9)),
        power=power,
    )

    def last(slot: int) -> tuple[Energy, Energy] | tuple[None, None]:
        return (world.load_kwh[:, slot - 1], world.pv_kwh[:, slot - 1]) if slot else (None, None)

    def decide(slot: int, soc_kwh: Energy) -> Decision:
        return days.command(METERED + slot, soc_kwh, *last(METERED + slot))

    start = np.full(len(metered), 5.0)
    for slot in range(METERED):
        days.observe(slot, *last(slot))
        days.read(slot, start, *last(slot))
    days.begin(metered)
    return simulate(decide, World(*(table[:, METERED:] for table in vars(world).values())), site, start)


@settings(max_examples=12, deadline=None)
@given(
    day=DAYS,
    components=st.sampled_from([(0,), (0, 1), (1, 2), (2,)]),
    levels=st.lists(KW, min_size=6, max_size=6),
    so_far=st.lists(KW, min_size=3, max_size=3),
    limited=st.booleans(),
    seed=st.integers(0, 99),
)
def test_homes_with_other_levels_peaks_and_imports_are_decided_as_alone(
    day: date, components: tuple[int, ...], levels: list[float], so_far: list[float], seed: int, *, limited: bool
) -> None:
    rng, starts = np.random.default_rng(seed), grid(day, day, STOCKHOLM)["slot_start"][:N_SLOTS]
    tariffs = [COMPONENTS[each] for each in components]
    calendars = [peak_calendar(starts, tariff, STOCKHOLM) for tariff in tariffs]
    once = [tariff.different_days for tariff in tariffs]
    rates = np.array([20.0, 8.0])[: len(tariffs)]
    powers: list[SlotPrices] = []
    for number, peak_kw in enumerate(so_far):
        level = np.array(levels[2 * number : 2 * number + len(tariffs)])
        power = slot_prices(calendars, level, rates, once_a_day=once)
        powers.append(power.begun(peak_kw))
    world = World(*(rng.uniform(low, 1.5, (3, N_SLOTS)) for low in (0.0, 0.0, -0.5, -0.5)))
    scenarios = Scenarios(*rng.uniform(0, 1.5, (2, 3, 2, N_SLOTS)))
    metered = np.where(rng.random((3, METERED)) < 0.3, np.nan, rng.uniform(0, 2, (3, METERED)))
    first, *others = powers
    together = replayed(first.joined(others), world, scenarios, metered, limited=limited)
    for number, power in enumerate(powers):
        own = slice(number, number + 1)
        one = World(*(table[own] for table in vars(world).values()))
        alone = replayed(power, one, scenarios.part(own), metered[own], limited=limited)
        assert np.array_equal(together.commands.charge_kw[own], alone.commands.charge_kw)
        assert np.array_equal(together.flows.import_kwh[own], alone.flows.import_kwh)
        assert np.array_equal(together.soc_kwh[own], alone.soc_kwh)
        assert np.array_equal(together.cost[own], alone.cost)
