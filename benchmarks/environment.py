"""Steps per second of the environments: batched against scalar, and against CityLearn 3's single building.

Two homes, each with two batteries, 70 days with the 100-slot day among them, as rows of one batch. Batched: 1 024 homes
through Gymnasium's `VectorEnv`, a whole step (decoding, inverter, cost, observation, autoreset, infos), actions drawn
beforehand. Scalar: `AntaresRLEnv`, resets included. CityLearn steps one of the homes in its own environment
(`citylearn_environment`). One process and one core each, one after the other, in turns, the median of three; other work
on the machine moves wall times, so every figure comes in processor time too (`_cpu`). At last PPO learns on both cores
(`ppo_steps`).

The short form has fewer days and steps, one pass, and leaves CityLearn out, which would have to be installed.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from statistics import median

import numpy as np

from benchmarks.harness.results import Row, Scope
from benchmarks.homes.bench_homes import BenchHomes, default_site
from benchmarks.peers.citylearn_environment import CityLearnMissingError, citylearn_speed, environment
from benchmarks.peers.ppo_steps import PpoSteps, ppo_steps
from env.gym.actions import Correction
from env.gym.antares_rl import AntaresRLEnv
from env.gym.antares_vector import AntaresVectorEnv
from env.gym.episodes import Episodes, joined
from env.gym.home_batch import DEFAULT_SETUP, Setup
from env.site import Site
from planner.forecasts.naive import naive_forecasts
from planner.replay.episodes import rl_episodes
from planner.value.protocol import Protocol

AREA = "SE4"
FIRST, LAST = date(2025, 10, 2), date(2025, 12, 10)  # 70 days, the 100-slot day among them
SHORT_FIRST, SHORT_LAST = date(2025, 10, 20), date(2025, 10, 27)
N_HOMES, PASSES = 1024, 3
BATCHED_STEPS, SCALAR_STEPS, CORRECTED_STEPS = 400, 2000, 10
LEAST_V1_1, LEAST_V2, LEAST_OVER_SCALAR, LEAST_OVER_CITYLEARN = 1_000_000, 300_000, 20, 800
LEAST_PPO, PPO_ROUNDS = 50_000, 3
CORRECTED = Setup(action="correction", correction=Correction(offset=0.3))


@dataclass(frozen=True)
class Speed:
    """Steps of single homes per second, by the clock and by processor time."""

    wall: float
    cpu: float


def run(scope: Scope) -> list[Row]:
    """Step everything in turns."""
    episodes = bench_episodes(scope.homes, *scope.of((FIRST, LAST), (SHORT_FIRST, SHORT_LAST)))
    central = replace(episodes, outlook=episodes.outlook and episodes.outlook.central())
    timed: dict[str, Callable[[], Speed]] = {
        "v1_1": _batched(episodes, "v1_1"),
        "v2": _batched(episodes, "v2"),
        "v2_correction": _batched(episodes, "v2", CORRECTED, steps=CORRECTED_STEPS),
        "v2_correction_central": _batched(central, "v2", CORRECTED, steps=CORRECTED_STEPS),
        "scalar_v1_1": _scalar(episodes, "v1_1"),
    }
    passes = [{name: measure() for name, measure in timed.items()} for _ in range(scope.of(PASSES, 1))]
    speeds = {name: _median([speeds[name] for speeds in passes]) for name in timed}
    batched = speeds["v1_1"]
    return [
        *speed_rows("v1_1", speeds["v1_1"], LEAST_V1_1),
        *speed_rows("v2", speeds["v2"], LEAST_V2),
        *speed_rows("v2_correction", speeds["v2_correction"]),
        *speed_rows("v2_correction_central", speeds["v2_correction_central"]),
        *speed_rows("scalar_v1_1", speeds["scalar_v1_1"]),
        *ratio_rows("to_scalar", batched, speeds["scalar_v1_1"], LEAST_OVER_SCALAR),
        *([] if scope.short else citylearn_rows(scope.homes, batched)),
        *_ppo_rows(ppo_steps(episodes, rounds=scope.of(PPO_ROUNDS, 1))),
    ]


def bench_episodes(homes: BenchHomes, first: date, last: date) -> Episodes:
    """Return the rows that are stepped: two homes, each with the default battery and one of half its size and power."""
    site = default_site()
    protocol = Protocol(start_soc_kwh=site.battery.soc_kwh(50.0))
    sites = (site, _with_small_battery(site))
    return joined(
        [
            _home_days(homes, home, sized, protocol, (first, last))
            for home in (homes.villa, homes.gaps)
            for sized in sites
        ]
    )


def _home_days(homes: BenchHomes, home: str, site: Site, protocol: Protocol, span: tuple[date, date]) -> Episodes:
    slots, history = homes.slots((home, AREA), site, *span), homes.history(home)
    days = slots["local_day"].unique().sort().to_list()
    forecasts = naive_forecasts(history, days, site.timezone, load_days=7, pv_days=3)
    start = replace(protocol, start_soc_kwh=site.battery.soc_kwh(50.0))
    return rl_episodes(slots, forecasts, site, start, history=history)


def _with_small_battery(site: Site) -> Site:
    battery = site.battery
    halves = {
        name: getattr(battery, name) / 2
        for name in ("capacity_kwh", "min_soc_kwh", "max_soc_kwh", "charge_kw", "discharge_kw")
    }
    return replace(site, battery=replace(battery, **halves))


def _batched(
    episodes: Episodes, state: str, setup: Setup = DEFAULT_SETUP, *, steps: int = BATCHED_STEPS
) -> Callable[[], Speed]:
    batch = AntaresVectorEnv(episodes, N_HOMES, state=state, setup=setup)
    batch.reset(seed=1)
    batch.action_space.seed(1)
    prepared = [batch.action_space.sample() for _ in range(16)]

    def step(number: int) -> None:
        batch.step(prepared[number % len(prepared)])

    return lambda: _timed(step, steps, N_HOMES)


def _scalar(episodes: Episodes, state: str) -> Callable[[], Speed]:
    home = AntaresRLEnv(episodes, state=state)
    home.reset(seed=1)
    prepared = np.random.default_rng(1).integers(0, 26, 16)

    def step(number: int) -> None:
        *_, terminated, truncated, _ = home.step(prepared[number % len(prepared)])
        if terminated or truncated:
            home.reset()

    return lambda: _timed(step, SCALAR_STEPS, 1)


def _timed(step: Callable[[int], None], steps: int, homes: int) -> Speed:
    begin, cpu_begin = time.perf_counter(), time.process_time()
    for number in range(steps):
        step(number)
    wall, cpu = time.perf_counter() - begin, time.process_time() - cpu_begin
    return Speed(steps * homes / wall, steps * homes / cpu)


def _median(speeds: list[Speed]) -> Speed:
    return Speed(median(speed.wall for speed in speeds), median(speed.cpu for speed in speeds))


def speed_rows(name: str, speed: Speed, least: int | None = None) -> list[Row]:
    """Return the rows of a speed, by the clock with its target, and by processor time."""
    target, met = (None, None) if least is None else (f">= {least}", speed.wall >= least)
    return [
        Row(f"{name}_steps_per_second", speed.wall, "steps/s", target=target, met=met, applies="whole"),
        Row(f"{name}_steps_per_second_cpu", speed.cpu, "steps/s"),
    ]


def ratio_rows(name: str, ours: Speed, theirs: Speed, least: int) -> list[Row]:
    """Return the rows of a ratio of speeds, by the clock with its target, and by processor time."""
    ratio = ours.wall / theirs.wall
    return [
        Row(f"ratio_{name}", ratio, "x", target=f">= {least}", met=ratio >= least, applies="whole"),
        Row(f"ratio_{name}_cpu", ours.cpu / theirs.cpu, "x"),
    ]


def _ppo_rows(speed: PpoSteps) -> list[Row]:
    """Return the rows of learning, on two cores."""
    target, met = f">= {LEAST_PPO}", speed.batched >= LEAST_PPO
    return [
        Row("ppo_steps_per_second", speed.batched, "steps/s", target=target, met=met, applies="whole"),
        Row("ppo_steps_per_second_cpu", speed.batched_cpu, "steps/s"),
        Row("ppo_dummy_steps_per_second", speed.dummy, "steps/s"),
        Row("ppo_table_seconds", speed.table_seconds, "s"),
    ]


def citylearn_rows(homes: BenchHomes, batched: Speed) -> list[Row]:
    """Return the rows of the comparison with CityLearn; without CityLearn one row that says why it is missing."""
    try:
        python, site = environment(), default_site()
        speed = citylearn_speed(python, homes.slots((homes.villa, AREA), site, FIRST, LAST), site)
    except CityLearnMissingError as error:
        return [
            Row("ratio_to_citylearn", f"missing: {error}", "x", target=f">= {LEAST_OVER_CITYLEARN}", met=False),
        ]
    theirs = Speed(speed.steps_per_second, speed.steps_per_cpu_second)
    return [
        Row("citylearn_version", speed.version),
        *speed_rows("citylearn", theirs),
        *ratio_rows("to_citylearn", batched, theirs, LEAST_OVER_CITYLEARN),
    ]
