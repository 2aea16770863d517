from dataclasses import replace

import numpy as np
import pytest
from gymnasium import spaces

from env.errors import EpisodeError
from env.gym.episodes import Episodes, joined
from env.gym.home_batch import STATES, HomeBatch
from env.gym.scaled_state import V2
from env.gym.states import V1, V1_1
from tests.builders.episodes import AUTUMN, SPRING, day_episode, mixed, several, sites

SELF_CONSUMPTION = 0


def observed(episodes: Episodes, state: str, n_slots: int, action: int = SELF_CONSUMPTION) -> np.ndarray:
    """Observations of every row side by side, from the start on `(n_slots + 1, n_rows, n_columns)`."""
    batch = HomeBatch(episodes, len(episodes), state=state)
    everyone = np.arange(len(episodes))
    batch.restart(everyone, [np.random.default_rng(0)] * len(episodes), rows=everyone)
    seen = [batch.observe()]
    for _ in range(n_slots):
        batch.step(np.full(len(episodes), action))
        seen.append(batch.observe())
    return np.stack(seen)


def test_plain_state_reads_as_its_sheet_says_when_worked_by_hand() -> None:
    day = day_episode(sites()[0], AUTUMN, 4)
    seen = observed(day, "v1_1", 100)[:, 0]
    slot = 14  # the second 02:30 of that night
    assert seen[slot].tolist() == pytest.approx(
        [
            2.5,
            day.load_forecast[0, slot],
            day.pv_forecast[0, slot],
            seen[slot, 3],
            day.import_price[0, slot],
            day.export_price[0, slot],
            21.5,
            day.import_price[0, slot : slot + 48].max(),
        ]
    )
    assert seen[0, 3] == 50.0
    assert seen[90, 7] == pytest.approx(day.import_price[0, 90:100].max()), "the day ends within twelve hours"
    assert seen[8:16, 0].tolist() == [2.0, 2.25, 2.5, 2.75] * 2, "the repeated hour has both its halves"
    assert seen[100, 6] == 0.0
    np.testing.assert_array_equal(observed(day, "v1", 100)[:, 0], seen[:, : len(V1)])


@pytest.mark.parametrize("state", STATES)
def test_nothing_of_a_slot_is_seen_before_it_is_over_when_readings_are_scrambled(state: str) -> None:
    """The state's share of the leakage rule; the outlook's is its maker's."""
    base = several(sites()[0], days=(SPRING, AUTUMN))
    at = 30
    noise = np.random.default_rng(1).uniform(0, 2, base.load_kwh.shape)
    later = np.arange(base.width) >= at
    other = replace(base, load_kwh=np.where(later, noise, base.load_kwh), pv_kwh=np.where(later, noise, base.pv_kwh))
    one, two = observed(base, state, at + 3), observed(other, state, at + 3)
    np.testing.assert_array_equal(one[: at + 1], two[: at + 1])
    assert not np.array_equal(one[at + 1 :], two[at + 1 :]), "scrambling did nothing"


@pytest.mark.parametrize("state", STATES)
def test_states_stay_in_their_space_when_homes_prices_and_days_are_odd(state: str) -> None:
    episodes = mixed()
    space = HomeBatch(episodes, 1, state=state).observation_space
    assert isinstance(space, spaces.Box)
    for action in (0, 2, 17, 25):
        seen = observed(episodes, state, 99, action).reshape(-1, space.shape[0])
        assert seen.dtype == np.float32
        assert np.isfinite(seen).all()
        assert (seen >= space.low - 1e-5).all()
        assert (seen <= space.high + 1e-5).all()


def test_scaled_state_is_the_same_when_all_money_is_counted_in_another_currency() -> None:
    base = day_episode(sites()[0], SPRING, 8)
    assert base.outlook is not None
    battery = base.sites[0].battery
    site = replace(base.sites[0], battery=replace(battery, wear_cost=11 * battery.wear_cost))
    other = replace(
        base,
        sites=(site,),
        import_price=11 * base.import_price,
        export_price=11 * base.export_price,
        outlook=replace(base.outlook, value=11 * base.outlook.value),
    )
    np.testing.assert_allclose(observed(base, "v2", 92), observed(other, "v2", 92), atol=1e-5)


def test_scaled_state_reads_as_its_sheet_says_when_worked_by_hand() -> None:
    day = day_episode(sites()[0], SPRING, 8)
    assert day.outlook is not None
    slot, names = 40, [column.name for column in V2]
    seen = dict(zip(names, observed(day, "v2", slot)[slot, 0].tolist(), strict=True))
    battery = day.sites[0].battery
    price = day.import_price[0]
    mean, spread = price.mean(), price.std()
    share = seen["soc"]
    step = (battery.max_soc_kwh - battery.min_soc_kwh) / 8
    marginal = np.diff(day.outlook.value[0, slot])[int(share * 8)] / step
    delivered = marginal / battery.discharge_efficiency + battery.discharge_wear
    stored = marginal * battery.charge_efficiency - battery.charge_wear
    net = (day.load_forecast - day.pv_forecast)[0] / (8 / 4)
    read = (day.load_kwh - day.pv_kwh)[0] / (8 / 4)
    expected = {
        "marginal_value_2": (marginal - mean) / spread,
        "gain_cover": (price[slot] - delivered) / spread,
        "gain_sell": (day.export_price[0, slot] - delivered) / spread,
        "gain_store": (stored - day.export_price[0, slot]) / spread,
        "gain_charge": (stored - price[slot]) / spread,
        "left_of_day": (92 - slot) / 92,
        "import_ahead_0_1": (price[slot] - mean) / spread,
        "import_ahead_32_48": (price[slot + 32 : slot + 48].mean() - mean) / spread,
        "import_ahead_48_72": (price[slot + 48 : 92].mean() - mean) / spread,
        "import_ahead_72_100": 0.0,
        "import_most_ahead": (price[slot:].max() - mean) / spread,
        "import_least_ahead": (price[slot:].min() - mean) / spread,
        "export_most_ahead": (day.export_price[0, slot:].max() - mean) / spread,
        "net_load_ahead_4_8": net[slot + 4 : slot + 8].mean(),
        "net_load_error_1": read[slot - 1] - net[slot - 1],
        "net_load_error_4": read[slot - 4] - net[slot - 4],
        "fill_share": 8 * battery.charge_efficiency / (battery.max_soc_kwh - battery.min_soc_kwh),
        "round_trip_loss": 0.05,
    }
    assert {name: seen[name] for name in expected} == pytest.approx(
        {name: np.clip(value, -10, 10) for name, value in expected.items()}, abs=1e-5
    )


def test_price_is_refused_when_its_unit_cannot_be_right() -> None:
    day = day_episode(sites()[0], SPRING, 8)
    with pytest.raises(EpisodeError, match=r"import_price must be within -1000000\.0 to 1000000\.0 money/kWh, got"):
        HomeBatch(replace(day, import_price=day.import_price * 1e7), 1, state="v1")


def test_price_is_shown_in_a_currency_of_small_units() -> None:
    day = day_episode(sites()[0], SPRING, 8)
    for rate in (40.0, 2500.0):  # forint and dong of a krona, at prices of the market up to 4 EUR/kWh
        price = np.full_like(day.import_price, 44.0 * rate)
        state = observed(replace(day, import_price=price, export_price=price), "v1", 0)
        assert state[0, 0, [column.name for column in V1].index("import_price")] == pytest.approx(44.0 * rate)


def test_state_is_refused_when_it_is_unknown_or_lacks_its_outlook() -> None:
    day = day_episode(sites()[0], SPRING, 8)
    with pytest.raises(EpisodeError, match="state 'v9' is not known; known: v1, v1_1, v2"):
        HomeBatch(day, 1, state="v9")
    with pytest.raises(EpisodeError, match="state v2 shows the value of stored energy"):
        HomeBatch(replace(day, outlook=None), 1, state="v2")


def test_columns_have_names_of_their_own() -> None:
    for columns in (V1, V1_1, V2):
        assert len({column.name for column in columns}) == len(columns)
    assert V1_1[: len(V1)] == V1


def test_padding_is_never_taken_for_a_price_when_a_short_day_ends_below_zero() -> None:
    short = day_episode(sites()[0], SPRING, 8)
    cheap = replace(short, import_price=short.import_price - 9.0, export_price=short.export_price - 9.0)
    together = joined([cheap, day_episode(sites()[0], AUTUMN, 2)])
    assert together.width == 100
    for state in STATES:
        np.testing.assert_array_equal(observed(together, state, 91)[:, 0], observed(cheap, state, 91)[:, 0])
    assert (observed(together, "v1_1", 91)[:, 0, 7] < 0).all()
