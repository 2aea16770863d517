"""Settings of the sources of weather and of PV forecasts."""

from pathlib import Path
from typing import Literal, get_args

from pydantic import Field, model_validator

from darkstar_pipeline.config.base import Frozen

WeatherSource = Literal["open_meteo", "met_norway", "bright_sky"]
"""Sources of weather, by the names that `sources.weather.order` has."""
PanelSource = Literal["solcast", "forecast_solar"]
"""Sources of forecasts of the panels, by the names that `sources.weather.panels` has."""
WEATHER_SOURCES: tuple[WeatherSource, ...] = get_args(WeatherSource)
PANEL_SOURCES: tuple[PanelSource, ...] = get_args(PanelSource)


class WeatherSourceSettings(Frozen):
    """Sources of weather and PV forecasts, in the order in which they are asked; they need the place of the panels."""

    order: tuple[WeatherSource, ...] = Field(
        default=("open_meteo", "met_norway"),
        description="sources of weather, asked in turn until one gives it, once forecast.latitude and longitude are "
        "set; empty: none is fetched",
    )
    panels: tuple[PanelSource, ...] = Field(
        default=("solcast", "forecast_solar"),
        description="sources of PV forecasts, asked in turn: solcast where solcast_site is set, forecast_solar where "
        "forecast.panels_kw or forecast.panels is; empty: none is fetched",
    )
    solcast_site: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9-]{4,40}$",
        description="resource id of the roof at Solcast, such as 1234-abcd-5678-efgh; null: Solcast is not asked",
    )
    solcast_key_file: Path | None = Field(
        default=None, description="file with the key of Solcast's API; or DARKSTAR_SOLCAST_KEY"
    )

    @model_validator(mode="after")
    def _names_each_source_once(self) -> "WeatherSourceSettings":
        for name, sources in (("order", self.order), ("panels", self.panels)):
            twice = sorted({source for source in sources if sources.count(source) > 1})
            if twice:
                message = f"sources.weather.{name} names {', '.join(twice)} more than once"
                raise ValueError(message)
        return self
