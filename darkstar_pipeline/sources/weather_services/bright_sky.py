"""Answers of Bright Sky, which passes on the German weather service: hourly, of stations and of MOSMIX forecasts.

`solar` is the irradiation of the hour that ended at the stamp [kWh/m2]. Shape: https://brightsky.dev/docs.
"""

from datetime import timedelta

from pydantic import AwareDatetime, Field

from darkstar_pipeline.sources.weather_services.answer import Shape, WeatherAnswer, moments, shaped, spans

SERVICE = "Bright Sky"
W_PER_KW = 1000.0
HOUR = timedelta(hours=1)


class _Hour(Shape):
    timestamp: AwareDatetime
    temperature: float | None = None
    cloud_cover: float | None = None
    solar: float | None = None


class _Answer(Shape):
    weather: tuple[_Hour, ...] = Field(min_length=1)


def read_bright_sky(content: bytes) -> WeatherAnswer:
    """Read an answer of Bright Sky.

    Raises:
        DataRefusedError: it is not in the documented shape.
    """
    hours = shaped(_Answer, content, SERVICE).weather
    at = [hour.timestamp for hour in hours]
    return WeatherAnswer(
        service=SERVICE,
        moments=moments(at, [hour.temperature for hour in hours], [hour.cloud_cover for hour in hours]),
        irradiance=spans(
            [instant - HOUR for instant in at],
            at,
            [None if hour.solar is None else hour.solar * W_PER_KW for hour in hours],
        ),
    )
