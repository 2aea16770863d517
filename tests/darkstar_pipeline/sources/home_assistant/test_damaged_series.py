"""Random homes, true series, damaged: a day's energy is true to 1 %, or slots are missing, or the sensor is refused.

Left out is what no reader can tell from the truth: a damage that is as small as the home's own consumption, a change of
unit while a daily counter shows less than its resolution resolves, the energy between a daily counter's last reading
before midnight and its reset (with it, gaps in one), and power readings that were never recorded.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.believed import without_unlike_readings
from darkstar_pipeline.sources.home_assistant.readings import readings_of
from darkstar_pipeline.sources.home_assistant.sensor_names import Subject
from darkstar_pipeline.sources.home_assistant.series import series_of
from darkstar_pipeline.sources.home_assistant.subject_mapping import Subjects
from tests.builders.home_assistant_exports import START

DAYS, MINUTES = 4, 1440
FIRST = START.timestamp()
NAMES = {
    "lifetime": "sensor.house_energy_total_kwh",
    "daily": "sensor.house_energy_today_kwh",
    "power": "sensor.house_power_kw",
}
DAMAGES = {
    "lifetime": "none cut reorder twice thinned gap flicker zero far negative reset exchanged unit unit_for_hours junk",
    "daily": "none cut reorder twice thinned flicker far negative bounce",
    "power": "none cut reorder twice gap",
}


@dataclass
class Recording:
    """What a sensor recorded: instants [s] and values."""

    kind: str
    resolution: float
    seconds: np.ndarray
    values: np.ndarray


def energies(random: np.random.Generator) -> np.ndarray:
    """A home's energy by the minute [kWh]: a base load, mornings, evenings and appliances."""
    minute = np.arange(DAYS * MINUTES)
    hour = minute / 60 % 24
    power = random.uniform(0.1, 0.6) * (1 + 0.3 * np.sin(minute / 37))
    power += random.uniform(0.2, 2) * np.exp(-(((hour - 19) / 2) ** 2))
    for start in random.integers(0, len(minute), random.integers(0, 12)):
        power[start : start + random.integers(5, 120)] += random.uniform(1, 6)
    return power / 60


def recorded(random: np.random.Generator, energy: np.ndarray) -> Recording:
    """The home's load as one of three sensors, polled every one to five minutes, all polls or the changes."""
    kind = str(random.choice(list(NAMES)))
    step = int(random.choice([1, 2, 5]))
    resolution = 0.001 if kind == "power" else float(random.choice([0.001, 0.01, 0.1]))
    at = np.arange(0, DAYS * MINUTES + 1, step)
    counted = np.concatenate(([0.0], np.cumsum(energy)))
    if kind == "power":
        values = np.append(np.diff(counted[at]) / step * 60, 0.4)
    else:
        base = random.uniform(500, 60_000) if kind == "lifetime" else -counted[at // MINUTES * MINUTES]
        values = counted[at] + base
    values = np.floor(values / resolution + 1e-6) * resolution
    keep = np.append(True, np.diff(values) != 0) if random.random() < 0.5 else np.ones(len(at), dtype=bool)
    return Recording(kind, resolution, (FIRST + 60 * at + random.uniform(0, 0.9))[keep], values[keep])


def damaged(random: np.random.Generator, true: Recording) -> tuple[str, np.ndarray, np.ndarray]:
    """One kind of damage, and the instants and values that come of it."""
    damage = str(random.choice(DAMAGES[true.kind].split()))
    at, values, count = true.seconds.copy(), true.values.copy(), len(true.values)
    where, width = int(random.integers(2, count - 12)), int(random.integers(1, max(2, count // 20)))
    few, long = slice(where, where + int(random.integers(1, 4))), slice(where, where + max(width, 10))
    choices = {
        "cut": lambda: np.arange(where, count) if random.random() < 0.5 else np.arange(where),
        "reorder": lambda: random.permutation(count),
        "twice": lambda: np.append(np.arange(count), random.integers(0, count, count // 10)),
        "thinned": lambda: np.flatnonzero(random.random(count) > random.uniform(0, 0.3)),
        "gap": lambda: np.delete(np.arange(count), slice(where, where + width)),
    }
    flicker = np.maximum(values - true.resolution * (random.random(count) < random.uniform(0.01, 0.1)), 0)
    alone, after = slice(where, where + 1), slice(where, None)
    changes = {
        "flicker": (slice(None), flicker),
        "zero": (few, 0.0 * values),
        "far": (alone, values + random.choice([random.uniform(300, 5000), 65_535])),
        "negative": (alone, 0 * values - random.uniform(1, 5000)),
        "reset": (after, values - values[where]),
        "exchanged": (after, values + random.choice([-400, 400, 50_000])),
        "unit": (after, values * random.choice([1000, 0.001])),
        "unit_for_hours": (long, values * random.choice([1000, 0.001])),
        "junk": (random.integers(1, count - 1, int(random.integers(1, 6))), 0 * values + random.uniform(0, 70_000)),
    }
    if damage in choices:
        chosen = choices[damage]()
        return damage, at[chosen], values[chosen]
    if damage == "bounce":
        midnight = FIRST + MINUTES * 60 * int(random.integers(1, DAYS))
        return damage, np.append(at, midnight + 17), np.append(values, values[at < midnight][-1])
    if damage in changes:
        place, changed = changes[damage]
        values[place] = changed[place]
    return damage, at, values


def silent_errors(seed: int) -> list[str]:
    """The days that are complete and wrong."""
    random = np.random.default_rng(seed)
    energy = energies(random)
    true = recorded(random, energy)
    damage, at, values = damaged(random, true)
    name = NAMES[true.kind]
    instants = pl.Series("instant", (at * 1e6).astype(np.int64)).cast(pl.Datetime("us", "UTC"))
    states = {name: pl.DataFrame([instants, pl.Series("value", values)])}
    try:
        sensors = series_of(states, Subjects(of={name: Subject.LOAD}))
        slots = readings_of(sensors, FIRST + DAYS * MINUTES * 60, "Europe/Stockholm").frame
    except DataRefusedError:
        return []
    believed = without_unlike_readings(slots, "Europe/Stockholm")[0].drop_nulls("load_kwh")
    position = ((believed["slot_start"].dt.epoch("s") - int(FIRST)) // 900).to_numpy()
    found = np.full(DAYS * 96 + 1, np.nan)
    found[np.clip(position, 0, DAYS * 96)] = believed["load_kwh"].to_numpy()
    wrong: list[str] = []
    for day, (read, truth) in enumerate(zip(found[:-1].reshape(DAYS, 96), energy.reshape(DAYS, MINUTES), strict=True)):
        untold = 0.0
        if true.kind == "daily":  # before the first and behind the last reading of the day
            minutes = (at - FIRST) / 60 - day * MINUTES
            inside = minutes[(minutes >= 0) & (minutes < MINUTES)]
            untold = (
                float(truth[: int(inside.min()) + 1].sum() + truth[int(inside.max()) :].sum()) if inside.size else 1e9
            )
        slack = 0.01 * float(truth.sum()) + 2 * true.resolution + untold
        if not np.isnan(read).any() and abs(float(read.sum()) - float(truth.sum())) > slack:
            wrong.append(f"{seed}: {true.kind}, {damage}, day {day}: {read.sum():.2f} kWh for {truth.sum():.2f}")
    return wrong


@given(st.integers(0, 2**32 - 1))
def test_damage_is_repaired_missing_or_refused(seed: int):
    assert silent_errors(seed) == []


@pytest.mark.thorough
def test_damage_is_repaired_missing_or_refused_in_a_thousand_homes():
    assert [error for seed in range(1000) for error in silent_errors(seed)] == []
