"""The panels of a home as its settings describe them, in the type that forecasts compute with."""

from darkstar_pipeline.config.planning import ForecastSettings
from planner.forecasts.clear_sky import Plane, PvSystem


def panel_system(settings: ForecastSettings, place: tuple[float, float]) -> PvSystem:
    """Return location and orientation of the panels.

    Args:
        settings: their planes.
        place: latitude and longitude [deg].
    """
    planes = tuple(Plane(**plane.model_dump()) for plane in settings.panels)
    latitude, longitude = place
    return PvSystem(latitude=latitude, longitude=longitude, tilt=settings.tilt, azimuth=settings.azimuth, planes=planes)
