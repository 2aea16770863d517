"""A roof of several planes under a clear sky: the planes together, one plane as it always was."""

from datetime import UTC, datetime

import numpy as np

from planner.forecasts.clear_sky import Plane, PvSystem, clear_sky_kw_per_kw

SECONDS = np.array([datetime(2026, 6, 21, tzinfo=UTC).timestamp() + 300.0 * step for step in range(288)])
EAST, WEST = Plane(kw=6.0, tilt=35.0, azimuth=90.0), Plane(kw=2.0, tilt=20.0, azimuth=270.0)


def made(*planes: Plane, tilt: float = 30.0, azimuth: float = 180.0) -> np.ndarray:
    panels = PvSystem(latitude=59.3, longitude=18.1, tilt=tilt, azimuth=azimuth, planes=planes)
    return clear_sky_kw_per_kw(SECONDS, panels)


def test_one_plane_is_the_same_to_the_bit_however_it_is_written() -> None:
    assert made(Plane(kw=7.3, tilt=41.0, azimuth=163.0)).tobytes() == made(tilt=41.0, azimuth=163.0).tobytes()


def test_planes_add_up_by_their_power_and_east_comes_before_west() -> None:
    both, east, west = made(EAST, WEST), made(EAST), made(WEST)
    np.testing.assert_allclose(8.0 * both, 6.0 * east + 2.0 * west, rtol=1e-12)
    assert east.argmax() < both.argmax() < west.argmax()
    assert both.sum() > 0
