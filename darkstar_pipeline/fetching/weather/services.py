"""The services of weather and PV forecasts: how each is asked, and how its answer is read.

The place is told to them to a hundredth of a degree, about a kilometre: weather needs no more, and nobody needs to
learn which house it is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.config.sources.weather import PanelSource, WeatherSource
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.fetching.answers import Request
from darkstar_pipeline.sources.weather_services import bright_sky, forecast_solar, met_norway, open_meteo, solcast
from darkstar_pipeline.sources.weather_services.answer import WeatherAnswer
from darkstar_pipeline.state.secrets import secret

ADDRESSES = {
    "open_meteo": "https://api.open-meteo.com/v1/forecast",
    "open_meteo_archive": "https://archive-api.open-meteo.com/v1/archive",
    "open_meteo_previous_runs": "https://previous-runs-api.open-meteo.com/v1/forecast",
    "met_norway": "https://api.met.no/weatherapi/locationforecast/2.0/compact",
    "bright_sky": "https://api.brightsky.dev/weather",
    "forecast_solar": "https://api.forecast.solar/estimate",
    "solcast": "https://api.solcast.com.au/rooftop_sites",
}
PAST = f"{open_meteo.SERVICE}, past days"
"""Name of the source of past days in the log: that it was asked says nothing of forecasts."""
DAYS = 9  # today, the seven days that a forecast reaches at most, and what is left of the last
SOLCAST_CALLS, SOLCAST_HOURS = 10, 168
SOLCAST_KEY = "DARKSTAR_SOLCAST_KEY"
_HOURLY = ",".join(open_meteo.QUANTITIES)


@dataclass(frozen=True, kw_only=True)
class WeatherService:
    """A service of weather or PV forecasts.

    Attributes:
        source: its name, for people.
        requests: how it is asked, given the site and the present instant: once, or once a plane of the panels.
        read: reads an answer.
        interval: least time between two questions, by which the calls that it allows last for the day.
        counted: whether it counts calls, those that failed too.
    """

    source: str
    requests: Callable[[SiteSettings, datetime], tuple[Request, ...]]
    read: Callable[[bytes], WeatherAnswer]
    interval: timedelta = timedelta(minutes=10)
    counted: bool = False


def place_of(site: SiteSettings) -> tuple[float, float]:
    """Return latitude and longitude of a site as they are told to services.

    Raises:
        ConfigurationError: they are not configured.
    """
    latitude, longitude = site.forecast.latitude, site.forecast.longitude
    if latitude is None or longitude is None:
        remedy = "set forecast.latitude and forecast.longitude of the site in darkstar.yaml"
        raise ConfigurationError("weather cannot be asked for: the place of the panels is not configured", remedy)
    return round(latitude, 2), round(longitude, 2)


def weather_service(name: WeatherSource) -> WeatherService:
    """Return a source of weather by its name in the settings."""
    return _WEATHER[name]


def panel_service(name: PanelSource, site: SiteSettings) -> WeatherService | None:
    """Return a source of PV forecasts by its name in the settings; None where the site has not what it needs."""
    needed = {"solcast": site.sources.weather.solcast_site, "forecast_solar": site.forecast.rated_kw}
    return None if needed[name] is None else _PANELS[name]


def past_request(site: SiteSettings, first: date, last: date, days_before: tuple[int, ...]) -> Request:
    """Return the question for weather of past days: as it was and as it had been forecast some days before.

    Args:
        site: the site.
        first: first day, in UTC.
        last: last day.
        days_before: days before each slot at which it was forecast; none for how it was alone.
    """
    address = ADDRESSES["open_meteo_previous_runs" if days_before else "open_meteo_archive"]
    before = (f"{name}_previous_day{days}" for days in days_before for name in open_meteo.QUANTITIES)
    span = {"start_date": first.isoformat(), "end_date": last.isoformat()}
    hourly = ",".join((*open_meteo.QUANTITIES, *before))
    return Request(source=PAST, url=address, params={**_open_meteo(site), "hourly": hourly, **span})


def _open_meteo(site: SiteSettings) -> dict[str, str]:
    latitude, longitude = place_of(site)
    return {"latitude": f"{latitude}", "longitude": f"{longitude}", "timeformat": "unixtime", "timezone": "GMT"}


def _open_meteo_request(site: SiteSettings, _now: datetime) -> tuple[Request, ...]:
    params = {**_open_meteo(site), "hourly": _HOURLY, "forecast_days": f"{DAYS}"}
    if site.household.care.weather_warning is not None:
        params |= {"hourly": ",".join((_HOURLY, *open_meteo.STORM_QUANTITIES)), "wind_speed_unit": "ms"}
    return (Request(source=open_meteo.SERVICE, url=ADDRESSES["open_meteo"], params=params),)


def _met_norway_request(site: SiteSettings, _now: datetime) -> tuple[Request, ...]:
    latitude, longitude = place_of(site)
    params = {"lat": f"{latitude}", "lon": f"{longitude}"}
    return (Request(source=met_norway.SERVICE, url=ADDRESSES["met_norway"], params=params),)


def _bright_sky_request(site: SiteSettings, now: datetime) -> tuple[Request, ...]:
    latitude, longitude = place_of(site)
    first = now.astimezone(UTC).date()
    params = {
        "lat": f"{latitude}", "lon": f"{longitude}", "tz": "UTC",
        "date": first.isoformat(), "last_date": (first + timedelta(days=DAYS)).isoformat(),
    }  # fmt: skip
    return (Request(source=bright_sky.SERVICE, url=ADDRESSES["bright_sky"], params=params),)


def _forecast_solar_requests(site: SiteSettings, _now: datetime) -> tuple[Request, ...]:
    """Return a question a plane; its azimuth is counted from south, west positive."""
    forecast, place = site.forecast, place_of(site)
    one = (forecast.tilt, forecast.azimuth - 180, forecast.panels_kw)
    planes = [(plane.tilt, plane.azimuth - 180, plane.kw) for plane in forecast.panels] or [one]
    urls = ["/".join((ADDRESSES["forecast_solar"], *(f"{part:g}" for part in (*place, *plane)))) for plane in planes]
    return tuple(Request(source=forecast_solar.SERVICE, url=url, params={"time": "utc"}) for url in urls)


def _solcast_request(site: SiteSettings, _now: datetime) -> tuple[Request, ...]:
    """Return the question to Solcast.

    Raises:
        ConfigurationError: its key is missing.
    """
    weather = site.sources.weather
    key = secret(SOLCAST_KEY, weather.solcast_key_file)
    if key is None:
        remedy = f"set {SOLCAST_KEY}, or sources.weather.solcast_key_file to a file that only you can read"
        raise ConfigurationError("sources.weather.solcast_site is set and Solcast's key is missing", remedy)
    url = f"{ADDRESSES['solcast']}/{weather.solcast_site}/forecasts"
    params = {"format": "json", "hours": f"{SOLCAST_HOURS}"}
    headers = {"authorization": f"Bearer {key}"}
    return (Request(source=solcast.SERVICE, url=url, params=params, headers=headers, secret=True),)


_WEATHER: dict[WeatherSource, WeatherService] = {
    "open_meteo": WeatherService(
        source=open_meteo.SERVICE, requests=_open_meteo_request, read=open_meteo.read_open_meteo
    ),
    "met_norway": WeatherService(
        source=met_norway.SERVICE, requests=_met_norway_request, read=met_norway.read_met_norway
    ),
    "bright_sky": WeatherService(
        source=bright_sky.SERVICE, requests=_bright_sky_request, read=bright_sky.read_bright_sky
    ),
}
_PANELS: dict[PanelSource, WeatherService] = {
    "solcast": WeatherService(
        source=solcast.SERVICE,
        requests=_solcast_request,
        read=solcast.read_solcast,
        interval=timedelta(days=1) / SOLCAST_CALLS,
        counted=True,
    ),
    # Twelve an hour, which it counts by address: the other homes behind it may ask too.
    "forecast_solar": WeatherService(
        source=forecast_solar.SERVICE,
        requests=_forecast_solar_requests,
        read=forecast_solar.read_forecast_solar,
        interval=timedelta(minutes=15),
        counted=True,
    ),
}
