"""History downloads whose older part is long-term statistics."""

from pathlib import Path

import numpy as np
import pytest

from darkstar_pipeline.sources.home_assistant.stitched_statistics import statistics_before
from tests.builders.home_assistant_exports import history, read

HOURS = [0.4, 0.8, 1.2, 0.4, 2.0, 0.6, 0.4, 0.2]


def recorded(start: float, level: float, hours: int = 2) -> list[tuple[float, float]]:
    """A counter of 1.2 kWh an hour, read every five minutes and some seconds."""
    return [(start + 5 * n + 0.12, round(level + 0.1 * n, 3)) for n in range(12 * hours + 1)]


def test_hours_of_a_counter_lie_where_they_were(tmp_path: Path):
    levels = 4100 + np.cumsum(HOURS)
    older = [(60.0 * n, round(float(level), 3)) for n, level in enumerate(levels)]
    data = read(tmp_path, {"h.csv": history("sensor.house_energy_total_kwh", [*older, *recorded(480, older[-1][1])])})
    by_hour = data.readings["load_kwh"].to_numpy()[:28].reshape(7, 4)
    assert by_hour.sum(axis=1) == pytest.approx(HOURS[1:])  # the first hour's beginning is not known
    assert data.readings["native_minutes"].to_list()[:32] == [60] * 28 + [15] * 4
    assert any("its first 8 rows are hourly long-term statistics" in note for note in data.notes)


def test_mean_of_an_hour_fills_its_quarters(tmp_path: Path):
    older = [(60.0 * n, 1000 * power) for n, power in enumerate(HOURS)]
    newer = [(480.05 + n, 600) for n in range(60)]
    data = read(tmp_path, {"h.csv": history("sensor.house_power_w", [*older, *newer])})
    assert data.readings["load_kwh"].to_list()[:32] == pytest.approx(np.repeat(HOURS, 4) / 4, abs=1e-3)


def test_last_hour_of_statistics_is_told_by_the_states_in_it(tmp_path: Path):
    older = [(60.0 * n, 1000 * power) for n, power in enumerate(HOURS)]
    newer = [(450.05 + n, 600) for n in range(90)]
    data = read(tmp_path, {"h.csv": history("sensor.house_power_w", [*older, *newer])})
    assert data.readings["load_kwh"].to_list()[28:32] == pytest.approx([0.05, 0.05, 0.15, 0.15], abs=1e-3)


@pytest.mark.parametrize(
    "minutes",
    [
        [5 * n for n in range(40)],
        [60 * n + 0.01 for n in range(40)],
        [0, 60, 120, 125, 130],
        [15 * n for n in range(40)],
    ],
    ids=["five-minutes", "hourly-poll", "few", "quarters"],
)
def test_recorded_states_are_no_statistics(minutes: list[float]):
    assert statistics_before(np.array(minutes) * 60) == 0
