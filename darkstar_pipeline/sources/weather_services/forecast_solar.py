"""Answers of Forecast.Solar: energy of the panels since the stamp before, from sunrise to sunset.

Shape: https://doc.forecast.solar/api:estimate. Stamps without an offset are of the clock that the answer names.
"""

from datetime import datetime, timedelta
from itertools import pairwise

from pydantic import AwareDatetime, Field

from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.weather_services.answer import Shape, WeatherAnswer, shaped, spans
from env.errors import TimeZoneError
from env.time_grid import zone

SERVICE = "Forecast.Solar"
WH_PER_KWH = 1000.0
LONGEST_NIGHT = timedelta(hours=36)
"""Longer than between two stamps of any answer; energy after a longer gap would be of nobody knows when."""


class _Result(Shape):
    watt_hours_period: dict[str, float] = Field(min_length=2)


class _Info(Shape):
    timezone: str = "UTC"
    latitude: float | None = None
    longitude: float | None = None
    time: AwareDatetime | None = None


class _Message(Shape):
    info: _Info = _Info()


class _Answer(Shape):
    result: _Result
    message: _Message = _Message()


def read_forecast_solar(content: bytes) -> WeatherAnswer:
    """Read an answer of Forecast.Solar.

    Raises:
        DataRefusedError: it is not in the documented shape.
    """
    answer = shaped(_Answer, content, SERVICE)
    periods = answer.result.watt_hours_period
    info = answer.message.info
    ends = [_instant(stamp, info.timezone) for stamp in periods]
    if any(later <= earlier for earlier, later in pairwise(ends)):
        raise DataRefusedError(f"{SERVICE}: the times of the answer are not in order", "ask again")
    told = [
        (start, end, energy / WH_PER_KWH)
        for (start, end), energy in zip(pairwise(ends), list(periods.values())[1:], strict=True)
        if end - start < LONGEST_NIGHT
    ]
    starts, stops, energies = zip(*told, strict=True) if told else ((), (), ())
    latitude, longitude = info.latitude, info.longitude
    return WeatherAnswer(
        service=SERVICE,
        pv=spans(starts, stops, energies),
        issued_at=info.time,
        place=None if latitude is None or longitude is None else (latitude, longitude),
    )


def _instant(stamp: str, timezone: str) -> datetime:
    try:
        read = datetime.fromisoformat(stamp)
        return read if read.tzinfo is not None else read.replace(tzinfo=zone(timezone))
    except (ValueError, TimeZoneError) as error:
        raise DataRefusedError(f"{SERVICE}: the time {stamp!r} of {timezone} cannot be read", "ask again") from error
