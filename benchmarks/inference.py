"""Time of a promoted bundle: of a decision, state and choice of command included, and of a process's start.

The bundle is a correction by three networks of 32 units that look at one train day of a bench home, with scenarios of
fourteen days before and sixteen forecast ones: what training gives by default. Its weights are random, which changes no
time.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.harness.results import Row, Scope
from benchmarks.homes.bench_homes import BenchHomes, default_protocol, default_site
from darkstar_pipeline.learning.scenario_rules import CANDIDATES
from env.gym.actions import Correction
from env.gym.episodes import Episodes
from env.gym.scaled_state import V2
from planner.artifacts.bundle import read_bundle
from planner.forecasts.embedded_aurora import N_SCENARIOS
from planner.policies.learned_days import LearnedDays
from planner.policies.rl_policy import AntaresRLPolicyV1, rl_manifest, rl_policy
from planner.replay.episodes import rl_episodes
from planner.value.scenario_source import ScenarioSource, day_scenarios
from planner.value.scenario_weights import WeightRules

AREA = "SE3"
ROUNDS, SHORT_ROUNDS = 30, 5
STARTS, SHORT_STARTS = 5, 3
DECISION_MS, START_S = 1.0, 1.0
UNITS = (96, 96, 1)
HEAVY = ("torch", "mlflow", "lightgbm", "stable_baselines3", "pandas")
START = """
import sys, time
started = time.perf_counter()
from pathlib import Path
import numpy as np
from planner.artifacts.bundle import read_bundle
from planner.policies.learned_policy import learned_policy
policy = learned_policy(read_bundle(Path(sys.argv[1])))
policy.predict(np.zeros((1, len(policy.manifest.columns)), dtype=np.float32))
print(time.perf_counter() - started, *[name for name in sys.argv[2:] if name in sys.modules])
"""


def run(scope: Scope) -> list[Row]:
    """Decide through a day many times, and start a few processes."""
    rules = CANDIDATES["told"]
    with TemporaryDirectory() as name:
        folder = Path(name) / "bundle"
        _policy(rules).save(folder)
        policy = rl_policy(read_bundle(folder))
        starts = [_start(folder) for _ in range(scope.of(STARTS, SHORT_STARTS))]
    decisions = _decisions(LearnedDays(policy, _day(scope.homes, rules)), scope.of(ROUNDS, SHORT_ROUNDS))
    p50, p99 = (float(milliseconds) for milliseconds in np.quantile(decisions, [0.5, 0.99]))
    heavy = sorted({module for _, modules in starts for module in modules})
    start = min(seconds for seconds, _ in starts)
    return [
        Row("decision_p50_ms", p50, "ms"),
        Row("decision_p99_ms", p99, "ms", target=f"<= {DECISION_MS}", met=p99 <= DECISION_MS),
        Row("start_s", start, "s", target=f"<= {START_S}", met=start <= START_S),
        Row("heavy_modules_loaded", json.dumps(heavy), target="[]", met=not heavy),
    ]


def _policy(rules: WeightRules) -> AntaresRLPolicyV1:
    rng, columns = np.random.default_rng(0), tuple(column.name for column in V2)
    weights: dict[str, np.ndarray] = {}
    before = len(columns)
    for layer, units in enumerate(UNITS):
        weights[f"{layer}.weight"] = (rng.normal(size=(units, before)) / before).astype(np.float32)
        weights[f"{layer}.bias"] = np.zeros(units, dtype=np.float32)
        before = units
    manifest = rl_manifest(
        algorithm="ppo", state="v2", columns=columns, correction=Correction(offset=0.05), weight_rules=rules
    )
    return AntaresRLPolicyV1(manifest, weights)


def _day(homes: BenchHomes, rules: WeightRules) -> Episodes:
    """Return one train day; days before it stand in for forecast scenarios."""
    site, home = default_site(), homes.villa
    history, slots = homes.history(home), homes.window((home, AREA), site, split="train")
    day = slots["local_day"].unique().sort()[60]
    own = slots.filter(slots["local_day"] == day)
    forecasts = homes.forecasts(home, own, site)
    expected = own.join(
        forecasts.select("slot_start", "local_day", load_forecast="load_kwh", pv_forecast="pv_kwh"),
        on=["slot_start", "local_day"],
        how="left",
    )
    scenarios = {day: day_scenarios(history, expected, site.timezone, rules=WeightRules(n_days=N_SCENARIOS))}
    source = ScenarioSource(history=history, rules=rules, forecast_scenarios=scenarios)
    return rl_episodes(own, forecasts, site, default_protocol(site), history=source)


def _decisions(days: LearnedDays, rounds: int) -> np.ndarray:
    """Return the time of each decision through a day, that many times over [ms]."""
    battery, n_slots = days.episodes.sites[0].battery, int(days.episodes.n_slots[0])
    rng, milliseconds = np.random.default_rng(1), []
    for _ in range(rounds):
        for slot in range(n_slots):
            soc = rng.uniform(battery.min_soc_kwh, battery.max_soc_kwh, 1)
            started = time.perf_counter()
            days.command(slot, soc)
            milliseconds.append(1e3 * (time.perf_counter() - started))
    return np.array(milliseconds)


def _start(folder: Path) -> tuple[float, list[str]]:
    """Return the seconds from a bare interpreter to the first answer, and the heavy modules that it loaded."""
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(  # noqa: S603 - our own interpreter and words
        [sys.executable, "-c", START, str(folder), *HEAVY], capture_output=True, text=True, check=True, cwd=root
    )
    seconds, *modules = done.stdout.split()
    return float(seconds), modules
