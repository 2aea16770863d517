import numpy as np
import pytest

from planner.policies.forecast_correction import (
    FADE,
    MOST_PV_RATIO,
    PV_WORTH_SCALING_KWH,
    corrected_load,
    corrected_pv,
    fading,
)


def test_load_forecast_moves_by_the_last_error_when_corrected() -> None:
    """0.4 more than expected was used: 0.85 of it are left a slot later, 0.85 x 0.85 two."""
    corrected = corrected_load(np.array([1.0, 1.0, 1.0]), 0.4, fading(3))
    assert corrected == pytest.approx([1 + 0.4 * FADE, 1 + 0.4 * FADE**2, 1 + 0.4 * FADE**3])


def test_load_forecast_stays_at_zero_when_the_correction_is_larger() -> None:
    assert corrected_load(np.array([0.1, 1.0]), -0.5, fading(2)) == pytest.approx([0.0, 1 - 0.5 * FADE**2])


@pytest.mark.parametrize(
    ("reading", "ratio"),
    [
        pytest.param(0.25, 0.5, id="half of what was expected"),
        pytest.param(1.0, 2.0, id="twice as much"),
        pytest.param(9.0, MOST_PV_RATIO, id="not more than so much"),
        pytest.param(0.0, 0.0, id="nothing"),
    ],
)
def test_pv_forecast_scales_by_the_last_ratio_when_corrected(reading: float, ratio: float) -> None:
    corrected = corrected_pv(np.array([1.0, 0.0, 2.0]), reading, 0.5, fading(3))
    fade = FADE ** np.arange(1, 4)
    assert corrected == pytest.approx(np.array([1.0, 0.0, 2.0]) * (1 + (ratio - 1) * fade))


def test_pv_forecast_is_left_alone_when_the_last_slot_was_dusk() -> None:
    forecast = np.array([0.5, 0.7])
    assert corrected_pv(forecast, 0.3, PV_WORTH_SCALING_KWH, fading(2)).tolist() == forecast.tolist()


def test_pv_scenarios_are_scaled_each_by_its_own_ratio_when_corrected() -> None:
    """Two days with two scenarios each, one of them at dusk, read at once."""
    expected, past = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[0.5, 0.25], [0.01, 1.0]])
    corrected = corrected_pv(expected, np.array([[0.25], [0.5]]), past, FADE)
    assert corrected == pytest.approx(expected * (1 + (np.array([[0.5, 1.0], [1.0, 0.5]]) - 1) * FADE))
