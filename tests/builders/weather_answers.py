"""Answers of weather services in their documented shapes, for any moment: a mild day, and sun by the hour."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.builders.source_server import Asked, Reply

PLACE = (59.33, 18.07)
HOURS = 9 * 24
_SUN = (0, 0, 0, 0, 40, 120, 220, 320, 400, 450, 480, 480, 450, 400, 320, 220, 120, 40, 0, 0, 0, 0, 0, 0)
_UNITS = {"temperature_2m": "°C", "cloud_cover": "%", "shortwave_radiation": "W/m²"}


def midnight(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def open_meteo(now: datetime, hours: int = HOURS, *, place: tuple[float, float] = PLACE, warmer: float = 0.0) -> bytes:
    return _hourly(midnight(now), hours, {"": warmer}, place)


def past_open_meteo(first: date, last: date, *, suffixes: tuple[str, ...] = ("",)) -> bytes:
    """Days as they were (10 degrees), and so many degrees warmer as they had been forecast earlier."""
    start = datetime(first.year, first.month, first.day, tzinfo=UTC)
    hours = 24 * ((last - first).days + 1)
    return _hourly(start, hours, {suffix: float(by) for by, suffix in enumerate(suffixes)}, PLACE)


def _hourly(start: datetime, hours: int, suffixes: dict[str, float], place: tuple[float, float]) -> bytes:
    at = [start + timedelta(hours=by) for by in range(hours)]
    hourly: dict[str, Any] = {"time": [int(moment.timestamp()) for moment in at]}
    for suffix, warmer in suffixes.items():
        hourly[f"temperature_2m{suffix}"] = [10.0 + warmer for _ in at]
        hourly[f"cloud_cover{suffix}"] = [40 for _ in at]
        hourly[f"shortwave_radiation{suffix}"] = [_SUN[moment.hour] for moment in at]
    units = {name + suffix: unit for name, unit in _UNITS.items() for suffix in suffixes}
    said = {"latitude": place[0], "longitude": place[1], "utc_offset_seconds": 0}
    return json.dumps({**said, "hourly_units": units, "hourly": hourly}).encode()


def met_norway(now: datetime, hours: int = HOURS, *, place: tuple[float, float] = PLACE) -> bytes:
    details = {"air_temperature": 11.0, "cloud_area_fraction": 50.0}
    steps = [
        {"time": f"{midnight(now) + timedelta(hours=by):%Y-%m-%dT%H:%M:%SZ}", "data": {"instant": {"details": details}}}
        for by in range(hours)
    ]
    said = {"meta": {"updated_at": f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"}, "timeseries": steps}
    return json.dumps({"geometry": {"coordinates": [place[1], place[0], 20]}, "properties": said}).encode()


def bright_sky(now: datetime, hours: int = HOURS) -> bytes:
    at = [midnight(now) + timedelta(hours=by) for by in range(hours)]
    rows = [
        {"timestamp": moment.isoformat(), "temperature": 9.0, "cloud_cover": 60, "solar": _SUN[moment.hour] / 1000}
        for moment in at
    ]
    return json.dumps({"weather": rows}).encode()


def forecast_solar(now: datetime, hours: int = 48, *, watt_hours: float = 500.0) -> bytes:
    at = [midnight(now) + timedelta(hours=by) for by in range(hours)]
    lit = [moment for moment in at if 4 <= moment.hour <= 18]
    periods = {moment.isoformat(): (0 if moment.hour == 4 else watt_hours) for moment in lit}
    info = {"latitude": PLACE[0], "longitude": PLACE[1], "timezone": "UTC", "time": now.isoformat()}
    return json.dumps({"result": {"watt_hours_period": periods}, "message": {"info": info}}).encode()


def solcast(now: datetime, hours: int = 168, *, kw: float = 1.0) -> bytes:
    ends = [midnight(now) + timedelta(minutes=30 * by) for by in range(1, 2 * hours + 1)]
    periods = [
        {
            "pv_estimate": kw if 6 <= end.hour < 18 else 0,
            "period_end": f"{end:%Y-%m-%dT%H:%M:%S}.0000000Z",
            "period": "PT30M",
        }
        for end in ends
    ]
    return json.dumps({"forecasts": periods}).encode()


BODIES: dict[str, Callable[[datetime], bytes]] = {
    "/open_meteo": open_meteo,
    "/met_norway": met_norway,
    "/bright_sky": bright_sky,
    "/forecast_solar": forecast_solar,
    "/solcast": solcast,
}


def answering(clock: Callable[[], datetime]) -> Callable[[Asked], Reply]:
    """Return what answers every service rightly, by the first part of the path."""

    def answer(asked: Asked) -> Reply:
        service = "/" + asked.path.split("/")[1]
        if "start_date" in asked.query:
            first, last = (date.fromisoformat(asked.query[name]) for name in ("start_date", "end_date"))
            before = ("", "_previous_day1", "_previous_day2", "_previous_day3")
            kept = before if service == "/open_meteo_previous_runs" else ("",)
            return Reply(body=past_open_meteo(first, last, suffixes=kept))
        return Reply(body=BODIES[service](clock()))

    return answer
