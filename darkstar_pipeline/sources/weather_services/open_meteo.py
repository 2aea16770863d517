"""Answers of Open-Meteo: its forecast, its archive, and what its forecasts had said days before (previous runs).

All three have one shape: lists by quantity beside a list of times. Radiation is the mean of the time that ended at its
stamp, temperature and clouds are of the instant. Shape: https://open-meteo.com/en/docs.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import polars as pl
from pydantic import ConfigDict, Field, JsonValue

from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.weather_services.answer import (
    Shape,
    WeatherAnswer,
    equally_long,
    moments,
    shaped,
    spans,
    storms,
)

SERVICE = "Open-Meteo"
TEMPERATURE, CLOUD, RADIATION = "temperature_2m", "cloud_cover", "shortwave_radiation"
QUANTITIES = (TEMPERATURE, CLOUD, RADIATION)
GUSTS, CODE = "wind_gusts_10m", "weather_code"
STORM_QUANTITIES = (GUSTS, CODE)
THUNDER = (95, 96, 99)
"""WMO codes of thunderstorms, without and with hail."""
UNITS = {TEMPERATURE: "°C", CLOUD: "%", RADIATION: "W/m²"}
METRES_PER_SECOND = {"m/s": 1.0, "km/h": 1 / 3.6, "kn": 1852 / 3600, "mp/h": 0.44704}
"""The service's units of wind, in m/s: it answers in km/h unless it is asked otherwise."""
HOUR, QUARTER = timedelta(hours=1), timedelta(minutes=15)


class _Series(Shape):
    """Lists by quantity, `time` among them."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, tuple[float | None, ...]] = Field(init=False)  # pyright: ignore[reportIncompatibleVariableOverride] - pydantic's way to type further keys

    time: tuple[int | str, ...]

    def values(self, name: str) -> tuple[float | None, ...]:
        """Return the values of a quantity, all null where the service did not give it."""
        found = self.__pydantic_extra__.get(name, (None,) * len(self.time))
        equally_long(SERVICE, **{"time": self.time, name: found})
        return found


class _Answer(Shape):
    latitude: float
    longitude: float
    utc_offset_seconds: int
    hourly: _Series | None = None
    hourly_units: dict[str, JsonValue] = Field(default_factory=dict)
    minutely_15: _Series | None = None
    minutely_15_units: dict[str, JsonValue] = Field(default_factory=dict)


def read_open_meteo(content: bytes, *, days_before: int = 0) -> WeatherAnswer:
    """Read an answer of Open-Meteo.

    Args:
        content: the answer.
        days_before: 0 for the forecast or archive itself; otherwise the values that the forecast had so many days
            before (`temperature_2m_previous_day1`).

    Raises:
        DataRefusedError: it is not in the documented shape, in other units or without any value.
    """
    answer = shaped(_Answer, content, SERVICE)
    quarters = answer.minutely_15 is not None
    series, units = (answer.minutely_15, answer.minutely_15_units) if quarters else (answer.hourly, answer.hourly_units)
    if series is None:
        raise DataRefusedError(f"{SERVICE}: the answer has neither hourly nor minutely_15", "ask again")
    suffix = f"_previous_day{days_before}" if days_before else ""
    for name, unit in UNITS.items():
        told = units.get(name + suffix, unit)
        if told != unit:
            message = f"{SERVICE}: {name}{suffix} is in {told}, not in {unit}"
            raise DataRefusedError(message, "the service has changed; report it")
    at = _instants(series.time, answer.utc_offset_seconds)
    temperature, cloud, radiation = (series.values(name + suffix) for name in QUANTITIES)
    if not any(value is not None for values in (temperature, cloud, radiation) for value in values):
        raise DataRefusedError(f"{SERVICE}: the answer has times and no value", "ask for other days")
    step = QUARTER if quarters else HOUR
    return WeatherAnswer(
        service=SERVICE,
        moments=moments(at, temperature, cloud),
        irradiance=spans([instant - step for instant in at], at, radiation),
        storms=_storms(series, at, units) if not quarters and not days_before else storms([], [], []),
        place=(answer.latitude, answer.longitude),
        minutes=15 if quarters else 60,
    )


def _storms(series: _Series, at: Sequence[datetime], units: Mapping[str, JsonValue]) -> pl.DataFrame:
    """Return gusts [m/s] and thunder by the hour, where they were asked for."""
    told = units.get(GUSTS, "m/s")
    factor = METRES_PER_SECOND.get(told) if isinstance(told, str) else None
    if factor is None:
        message = f"{SERVICE}: {GUSTS} is in {told}, not in one of {', '.join(METRES_PER_SECOND)}"
        raise DataRefusedError(message, "the service has changed; report it")
    gusts = [None if gust is None else gust * factor for gust in series.values(GUSTS)]
    codes = series.values(CODE)
    return storms(at, gusts, [None if code is None else code in THUNDER for code in codes])


def _instants(times: Sequence[int | str], offset_seconds: int) -> list[datetime]:
    """Return the stamps in UTC: seconds since 1970, or the clock of the answer's one offset."""
    try:
        return [
            datetime.fromtimestamp(time, UTC)
            if isinstance(time, int)
            else datetime.fromisoformat(time).replace(tzinfo=UTC) - timedelta(seconds=offset_seconds)
            for time in times
        ]
    except (ValueError, OverflowError, OSError) as error:
        raise DataRefusedError(f"{SERVICE}: a time cannot be read: {error}", "ask again") from error
