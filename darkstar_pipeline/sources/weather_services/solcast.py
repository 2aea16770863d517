"""Answers of Solcast for a roof: mean power of the panels in periods, each named by its end.

Shape: https://docs.solcast.com.au (rooftop sites, forecasts).
"""

from datetime import datetime, timedelta

from pydantic import Field

from darkstar_pipeline.sources.weather_services.answer import Shape, WeatherAnswer, shaped, spans

SERVICE = "Solcast"
HOUR = timedelta(hours=1)


class _Period(Shape):
    pv_estimate: float
    period_end: datetime
    period: timedelta = Field(gt=timedelta(), le=HOUR)


class _Answer(Shape):
    forecasts: tuple[_Period, ...] = Field(min_length=1)


def read_solcast(content: bytes) -> WeatherAnswer:
    """Read an answer of Solcast.

    Raises:
        DataRefusedError: it is not in the documented shape.
    """
    periods = shaped(_Answer, content, SERVICE).forecasts
    return WeatherAnswer(
        service=SERVICE,
        pv=spans(
            [period.period_end - period.period for period in periods],
            [period.period_end for period in periods],
            [period.pv_estimate * (period.period / HOUR) for period in periods],
        ),
        minutes=30,
    )
