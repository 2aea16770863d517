"""Answers of MET Norway's locationforecast: temperature and clouds at instants, hourly first and six-hourly later.

Shape: https://api.met.no/weatherapi/locationforecast/2.0/documentation.
"""

from pydantic import AwareDatetime, Field

from darkstar_pipeline.sources.weather_services.answer import Shape, WeatherAnswer, moments, shaped

SERVICE = "MET Norway"


class _Details(Shape):
    air_temperature: float | None = None
    cloud_area_fraction: float | None = None


class _Instant(Shape):
    details: _Details = _Details()


class _Data(Shape):
    instant: _Instant


class _Step(Shape):
    time: AwareDatetime
    data: _Data


class _Meta(Shape):
    updated_at: AwareDatetime | None = None


class _Properties(Shape):
    meta: _Meta = _Meta()
    timeseries: tuple[_Step, ...] = Field(min_length=1)


class _Geometry(Shape):
    coordinates: tuple[float, ...] = ()


class _Answer(Shape):
    geometry: _Geometry = _Geometry()
    properties: _Properties


def read_met_norway(content: bytes) -> WeatherAnswer:
    """Read an answer of locationforecast.

    Raises:
        DataRefusedError: it is not in the documented shape.
    """
    answer = shaped(_Answer, content, SERVICE)
    said, where = answer.properties, answer.geometry.coordinates
    details = [step.data.instant.details for step in said.timeseries]
    return WeatherAnswer(
        service=SERVICE,
        moments=moments(
            [step.time for step in said.timeseries],
            [values.air_temperature for values in details],
            [values.cloud_area_fraction for values in details],
        ),
        issued_at=said.meta.updated_at,
        place=(where[1], where[0]) if len(where) > 1 else None,
    )
