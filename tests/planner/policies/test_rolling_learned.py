"""A learned policy in the continuous protocol: uncorrected it is `value`, and it never sees what is to come."""

from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from env.gym.actions import Correction
from env.gym.scaled_state import V2
from env.site import Limits
from planner.errors import PolicyMismatchError
from planner.forecasts.naive import naive_forecasts
from planner.policies.rl_policy import AntaresRLPolicyV1, rl_manifest
from planner.policies.window import open_window
from planner.replay.continuous import replay_window
from planner.replay.learned import replay_learned_window
from planner.value.protocol import Protocol
from planner.value.scenario_source import ScenarioSource
from planner.value.scenario_weights import NAIVE, WeightRules
from planner.value.scenarios import Scenarios
from tests.builders.episodes import TIGHT
from tests.builders.homes import NO_LIMITS, STOCKHOLM, days_of_slots, home

SPRING, AUTUMN = date(2026, 3, 29), date(2025, 10, 26)
PROTOCOL = Protocol(start_soc_kwh=17.1)
COLUMNS = tuple(column.name for column in V2)
FORECASTING = WeightRules(
    n_days=4, age_days=5.0, together=False, load_alike_kwh=0.8, pv_alike_kwh=1.0, forecast_share=0.4
)
Frames = tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]


def policy(scale: float, rules: WeightRules = NAIVE, columns: tuple[str, ...] = COLUMNS) -> AntaresRLPolicyV1:
    """A linear policy; with scale 0 it never corrects."""
    weight = np.random.default_rng(1).normal(size=(1, len(columns))) * scale
    manifest = rl_manifest(
        algorithm="ppo", state="v2", columns=columns, correction=Correction(offset=0.5), weight_rules=rules
    )
    return AntaresRLPolicyV1(manifest, {"0.weight": weight.astype(np.float32), "0.bias": np.zeros(1, np.float32)})


def days_around(day: date, *, gap: bool = False) -> Frames:
    """Slots of three days around one, one of them perhaps missing, forecasts from the morning before, and readings."""
    everything = days_of_slots(day - timedelta(days=9), day + timedelta(days=1), seed=3)
    noon = (pl.col("slot_start").dt.hour() == 11).cast(pl.Float64)  # cheaper by so much that it is below nothing
    everything = everything.with_columns(pl.col("import_price", "export_price") - 1.8 * noon)
    days = [day - timedelta(days=1), day, day + timedelta(days=1)]
    assert (everything["import_price"] < 0).any()
    forecasts = naive_forecasts(everything, [days[0] - timedelta(days=1), *days], STOCKHOLM, load_days=7, pv_days=3)
    kept = [each for each in days if not (gap and each == day)]
    return everything.filter(pl.col("local_day").is_in(kept)), forecasts, everything


def learned(
    policy: AntaresRLPolicyV1,
    frames: Frames,
    limits: Limits = NO_LIMITS,
    *,
    scenarios: Mapping[date, Scenarios] | None = None,
) -> pl.DataFrame:
    slots, forecasts, history = frames
    window = open_window(slots, forecasts, history, home(limits=limits), PROTOCOL)
    return replay_learned_window(
        policy, window, ScenarioSource(history=history, forecast_scenarios=scenarios), label="value"
    )


@pytest.mark.parametrize(
    ("day", "limits", "gap"),
    [
        pytest.param(SPRING, NO_LIMITS, False, id="92 slots"),
        pytest.param(AUTUMN, TIGHT, False, id="100 slots, tight limits"),
        pytest.param(SPRING, NO_LIMITS, True, id="a day is missing"),
    ],
)
def test_policy_that_corrects_nothing_is_value_to_the_bit(day: date, limits: Limits, *, gap: bool) -> None:
    slots, forecasts, history = frames = days_around(day, gap=gap)
    value = replay_window("value", slots, forecasts, history, home(limits=limits), PROTOCOL)
    assert learned(policy(0.0), frames, limits).equals(value)
    assert not learned(policy(0.5), frames, limits).equals(value)


@pytest.mark.parametrize("day", [SPRING, AUTUMN], ids=["92 slots", "100 slots"])
def test_commands_up_to_a_slot_are_the_same_when_what_comes_after_is_scrambled(day: date) -> None:
    """Readings from the slot on, and prices from the next day on, which are not out before 13:00."""
    slots, forecasts, history = days_around(day)
    moment = slots.filter(pl.col("local_day") == day)["slot_start"][40]  # about ten in the morning
    later, tomorrow = pl.col("slot_start") >= moment, pl.col("local_day") > day
    changed = [
        *(pl.when(later).then(3.3).otherwise(name).alias(name) for name in ("load_kwh", "pv_kwh")),
        *(pl.when(tomorrow).then(9.9).otherwise(name).alias(name) for name in ("import_price", "export_price")),
    ]
    scrambled = (slots.with_columns(changed), forecasts, history.with_columns(changed[:2]))
    shape = (1, 2, slots.filter(pl.col("local_day") == day).height)
    scenarios = {day: Scenarios(np.full(shape, 0.5), np.full(shape, 0.1))}
    frames = ((slots, forecasts, history), scrambled)
    before = [
        learned(policy(0.4, FORECASTING), each, scenarios=scenarios).filter(pl.col("slot_start") <= moment)
        for each in frames
    ]
    commands = [frame.select("charge_kw", "discharge_kw", "export_kw") for frame in before]
    assert commands[0].equals(commands[1])
    assert commands[0].height > 96


def test_policy_decides_otherwise_when_it_has_scenarios_of_a_day() -> None:
    slots, _, _ = frames = days_around(AUTUMN)
    n_slots = slots.filter(pl.col("local_day") == AUTUMN).height
    heavy = Scenarios(np.full((1, 2, n_slots), 2.0), np.zeros((1, 2, n_slots)))
    plain = learned(policy(0.0, FORECASTING), frames)
    with_heavy = learned(policy(0.0, FORECASTING), frames, scenarios={AUTUMN: heavy})
    assert plain.filter(pl.col("local_day") < AUTUMN).equals(with_heavy.filter(pl.col("local_day") < AUTUMN))
    assert not plain.equals(with_heavy)


def test_window_is_replayed_when_there_are_no_forecasts() -> None:
    slots, forecasts, history = days_around(SPRING)
    assert np.isfinite(learned(policy(0.3), (slots, forecasts.clear(), history))["cost"].to_numpy()).all()


def test_policy_is_refused_when_it_sees_another_state() -> None:
    with pytest.raises(PolicyMismatchError, match="made for state v2 with 3 columns"):
        learned(policy(0.0, columns=("a", "b", "c")), days_around(SPRING))
