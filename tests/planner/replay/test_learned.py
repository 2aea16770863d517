"""A learned policy through daily episodes: uncorrected it is `value`, and it never sees what is to come."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from env.gym.actions import Correction
from env.gym.scaled_state import V2
from planner.errors import IncompleteDayError, PolicyMismatchError
from planner.policies.rl_policy import AntaresRLPolicyV1, rl_manifest
from planner.replay.daily import replay_days
from planner.replay.learned import replay_learned
from planner.value.scenario_source import ScenarioSource, day_scenarios
from planner.value.scenario_weights import NAIVE, WeightRules
from planner.value.scenarios import Scenarios
from tests.builders.homes import STOCKHOLM, home
from tests.planner.replay.test_episodes import AUTUMN, PROTOCOL, SPRING, days_around

COLUMNS = tuple(column.name for column in V2)
RULES = WeightRules(
    n_days=8, age_days=5.0, weekday=1.5, together=False, load_alike_kwh=0.84, pv_alike_kwh=1.05, forecast_share=0.4
)


def policy(
    scale: float = 0.0, rules: WeightRules = NAIVE, columns: tuple[str, ...] = COLUMNS, *, gated: bool = False
) -> AntaresRLPolicyV1:
    """A linear policy; with scale 0 it never corrects."""
    weight = np.random.default_rng(1).normal(size=(1, len(columns))) * scale
    manifest = rl_manifest(
        algorithm="ppo", state="v2", columns=columns, correction=Correction(offset=0.5), weight_rules=rules
    )
    layer = {"0.weight": weight.astype(np.float32), "0.bias": np.zeros(1, np.float32)}
    return AntaresRLPolicyV1(manifest, layer, gated=gated)


def forecast_scenarios_of(slots: pl.DataFrame, history: pl.DataFrame) -> dict[date, Scenarios]:
    """Two further scenarios a day."""
    scenarios: dict[date, Scenarios] = {}
    for part in slots.partition_by("local_day", maintain_order=True):
        without_forecast = part.with_columns(
            load_forecast=pl.lit(None, pl.Float64), pv_forecast=pl.lit(None, pl.Float64)
        )
        scenarios[part["local_day"][0]] = day_scenarios(
            history, without_forecast, STOCKHOLM, rules=WeightRules(n_days=2)
        )
    return scenarios


@pytest.mark.parametrize("day", [SPRING, AUTUMN], ids=["92 slots", "100 slots"])
def test_policy_that_corrects_nothing_is_value_to_the_bit_when_it_believes_alike(day: date) -> None:
    slots, forecasts, history = days_around(day, seed=3)
    value = replay_days("value", slots, forecasts, home(), PROTOCOL, history=history, workers=1)
    source = ScenarioSource(history=history)
    learned = replay_learned(policy(), slots, forecasts, home(), PROTOCOL, source=source, label="value")
    assert learned.equals(value)
    corrected = replay_learned(policy(0.3), slots, forecasts, home(), PROTOCOL, source=source, label="value")
    assert not corrected.equals(value)


@pytest.mark.parametrize("day", [SPRING, AUTUMN], ids=["92 slots", "100 slots"])
def test_commands_up_to_a_slot_are_the_same_when_readings_from_it_on_are_scrambled(day: date) -> None:
    slots, forecasts, history = days_around(day, seed=5)
    moment = slots.filter(pl.col("local_day") == day)["slot_start"][40]
    mixed = pl.col("load_kwh", "pv_kwh").shuffle(seed=1).over(pl.lit(1))
    scrambled = [
        pl.concat(
            [
                frame.filter(pl.col("slot_start") < moment),
                frame.filter(pl.col("slot_start") >= moment).with_columns(mixed),
            ]
        )
        for frame in (slots, history)
    ]
    commands = []
    for seen, past in ((slots, history), scrambled):
        source = ScenarioSource(history=past, forecast_scenarios=forecast_scenarios_of(seen, past))
        replay = replay_learned(policy(0.3, RULES), seen, forecasts, home(), PROTOCOL, source=source)
        commands.append(replay.filter(pl.col("slot_start") <= moment).select("charge_kw", "discharge_kw", "export_kw"))
    assert commands[0].equals(commands[1])
    assert commands[0].height > 40


def test_policy_is_refused_when_it_sees_another_state_or_the_days_are_not_whole() -> None:
    slots, forecasts, history = days_around(SPRING, seed=3)
    source = ScenarioSource(history=history)
    with pytest.raises(PolicyMismatchError, match="made for state v2 with 3 columns"):
        replay_learned(policy(columns=("a", "b", "c")), slots, forecasts, home(), PROTOCOL, source=source)
    with pytest.raises(IncompleteDayError):
        replay_learned(policy(), slots.head(50), forecasts, home(), PROTOCOL, source=source)
    nothing = replay_learned(policy(), slots.clear(), forecasts, home(), PROTOCOL, source=source, label="rl")
    assert nothing.is_empty()
    assert "reason" in nothing.columns


def test_gate_keeps_from_discharging_in_the_cheapest_quarter_when_it_is_asked_for() -> None:
    slots, forecasts, history = days_around(SPRING, seed=3)
    source, free, gated = ScenarioSource(history=history), policy(0.3), policy(0.3, gated=True)
    frames = [
        replay_learned(decider, slots, forecasts, home(), PROTOCOL, source=source).with_columns(
            cheap=pl.col("import_price")
            <= pl.col("import_price").filter(pl.col("import_price") != 0).quantile(0.25, "linear").over("local_day")
        )
        for decider in (free, gated)
    ]
    discharged = [frame.filter(pl.col("cheap") & (pl.col("discharge_kw") > 0)).height for frame in frames]
    assert discharged[0] > 0
    assert discharged[1] == 0
