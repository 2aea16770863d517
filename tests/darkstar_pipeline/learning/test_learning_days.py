"""Training days: their outlook, the scenario weights that suit them, and their augmentation."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.replay_inputs import protocol_of, replay_inputs
from darkstar_pipeline.learning import scenario_rules
from darkstar_pipeline.learning.augmentation import PRICES, SIZES, augmented_episodes, resized, with_other_prices
from darkstar_pipeline.learning.dataset import LearningData
from darkstar_pipeline.learning.scenario_rules import CANDIDATES, choose_scenario_rules
from darkstar_pipeline.learning.splits import Windows
from darkstar_pipeline.learning.training import prepare_data
from env.gym.episodes import joined
from planner.evaluation.daily_results import daily_results
from planner.replay.daily import replay_days
from planner.value.scenario_weights import NAIVE
from planner.value.scenarios import Scenarios
from tests.builders.episodes import CURVED
from tests.builders.homes import days_of_slots, home
from tests.builders.learning_home import DAYS, learning_context, measured, write_days

AUTUMN = date(2025, 10, 26)
TRAIN, VALIDATION = tuple(DAYS[14:31]), tuple(DAYS[32:36])  # the day with 100 slots is among the former


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Graded days."""
    folder = tmp_path_factory.mktemp("state")
    write_days(learning_context(folder), measured())
    return folder


@pytest.fixture(scope="module")
def context(state: Path) -> Context:
    return learning_context(state, learning={"augmented_days": 51, "seed": 1})


@pytest.fixture(scope="module")
def data(context: Context) -> LearningData:
    assert AUTUMN in TRAIN
    return prepare_data(context, Windows(train=TRAIN, validation=VALIDATION))


def test_episodes_are_the_requested_days_in_order_of_their_length(data: LearningData) -> None:
    made = data.episodes(TRAIN, NAIVE)
    days = [date.fromisoformat(label) for label in made.labels]
    assert sorted(days) == list(TRAIN)
    assert {day: int(n) for day, n in zip(days, made.n_slots, strict=True)}[AUTUMN] == 100
    assert (data.aurora_scenarios, data.aurora) == ({}, None)


def test_hash_of_the_data_is_the_same_for_the_same_days_only(context: Context, data: LearningData) -> None:
    again = prepare_data(context, Windows(train=TRAIN, validation=VALIDATION))
    other = prepare_data(context, Windows(train=TRAIN[1:], validation=VALIDATION))
    assert again.content_hash == data.content_hash != other.content_hash


def test_scenario_rules_are_the_cheapest_and_auroras_are_tried_only_with_its_scenarios(data: LearningData) -> None:
    name, costs = choose_scenario_rules(data)
    assert set(costs) == {"naive", "lived"}
    assert costs[name] == min(costs.values())
    shapes = {day: (1, 2, 100 if day == AUTUMN else 96) for day in TRAIN}
    scenarios = {day: Scenarios(np.full(shape, 0.4), np.zeros(shape)) for day, shape in shapes.items()}
    _, more = choose_scenario_rules(replace(data, aurora_scenarios=scenarios))
    assert set(more) == set(CANDIDATES)
    assert {each: more[each] for each in costs} == costs, "rules without Aurora do not depend on its scenarios"


def test_what_naive_beliefs_cost_is_what_the_policy_value_costs(context: Context, data: LearningData) -> None:
    inputs = replay_inputs(context.lake, context.site, data.windows.learned, has_pv=context.site_settings.has_pv)
    protocol = protocol_of(context.site_settings, context.site.battery)
    schedule = replay_days(
        "value", inputs.slots, inputs.forecasts, context.site, protocol, history=inputs.history, workers=1
    )
    paid = daily_results(schedule, protocol, context.site)["cost"].mean()
    assert choose_scenario_rules(data)[1]["naive"] == pytest.approx(paid, abs=1e-9)


def test_cheapest_rules_win_in_their_order_when_they_cost_the_same(
    monkeypatch: pytest.MonkeyPatch, data: LearningData
) -> None:
    monkeypatch.setattr(scenario_rules, "uncorrected_cost", lambda _: 1.0)
    assert choose_scenario_rules(data)[0] == "naive"


def test_augmented_days_have_the_same_readings_under_prices_of_an_equally_long_day(data: LearningData) -> None:
    own = data.episodes(TRAIN, NAIVE)
    rows = {label: row for row, label in enumerate(own.labels)}
    sets = augmented_episodes(data, NAIVE)
    assert len(sets) == len(SIZES)
    swapped = 0
    for size, made in zip(SIZES, sets, strict=True):
        assert sorted(made.labels) == sorted(rows), "every day once: as many are asked for as there are"
        usual = data.context.site.battery
        assert [site.battery.capacity_kwh for site in made.sites] == [size * usual.capacity_kwh]
        np.testing.assert_allclose(made.start_soc_kwh, size * own.start_soc_kwh[0])
        for row, label in enumerate(made.labels):
            same, n = rows[label], int(made.n_slots[row])
            assert n == own.n_slots[same]
            for name in ("load_kwh", "pv_kwh", "load_forecast", "pv_forecast", "clock_minutes"):
                np.testing.assert_array_equal(getattr(made, name)[row, :n], getattr(own, name)[same, :n])
            found = (own.import_price[:, :n] == made.import_price[row, :n]).all(axis=1).nonzero()[0]
            assert own.n_slots[found].tolist() == [n]
            np.testing.assert_array_equal(own.export_price[found[0], :n], made.export_price[row, :n])
            swapped += int(found[0] != same)
    assert swapped > len(TRAIN), "prices stayed where they were"
    assert len(joined([own, *sets])) == 4 * len(TRAIN)


def test_further_days_are_the_same_for_the_same_seed_only(state: Path, data: LearningData) -> None:
    again, other = (
        augmented_episodes(
            replace(data, context=learning_context(state, learning={"augmented_days": 6, "seed": seed})), NAIVE
        )
        for seed in (1, 2)
    )
    first = augmented_episodes(
        replace(data, context=learning_context(state, learning={"augmented_days": 6, "seed": 1})), NAIVE
    )
    assert [made.labels for made in first] == [made.labels for made in again] != [made.labels for made in other]
    np.testing.assert_array_equal(first[0].import_price, again[0].import_price)
    assert [len(made) for made in first] == [2, 2, 2]


def test_no_days_are_augmented_when_the_setting_is_zero(state: Path, data: LearningData) -> None:
    assert (
        augmented_episodes(replace(data, context=learning_context(state, learning={"augmented_days": 0})), NAIVE) == []
    )


def test_prices_are_those_of_a_day_as_long_when_the_clock_changes() -> None:
    changes = (date(2026, 3, 29), date(2027, 3, 28), date(2025, 10, 26), date(2026, 10, 25))
    ordinary = (date(2026, 6, 1), date(2026, 6, 2))
    days = [days_of_slots(day, day, seed=number) for number, day in enumerate((*changes, *ordinary))]
    assert [day.height for day in days] == [92, 92, 100, 100, 96, 96]
    random = np.random.default_rng(1)
    for own, day in enumerate(days):
        for _ in range(8):
            made = with_other_prices(days, own, random)
            assert made.drop("import_price", "export_price").equals(day.drop("import_price", "export_price"))
            pair = [other for other in days if other.height == day.height]
            assert any(made.select(PRICES).equals(other.select(PRICES)) for other in pair)


def test_resized_battery_has_everything_in_proportion() -> None:
    site = home(CURVED)
    larger = resized(site, 1.5).battery
    for name in ("capacity_kwh", "min_soc_kwh", "max_soc_kwh", "charge_kw", "discharge_kw"):
        assert getattr(larger, name) == 1.5 * getattr(site.battery, name)
    assert larger.charge_curve == ((1.5, 0.8), (6.0, 0.95))
    assert larger.wear_cost == site.battery.wear_cost
    assert resized(site, 1.0) == site
