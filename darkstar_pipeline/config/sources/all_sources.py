"""Settings of everything that is fetched by itself."""

from pathlib import Path

from pydantic import Field

from darkstar_pipeline.config.base import Frozen
from darkstar_pipeline.config.sources.mqtt import MqttReadingSettings
from darkstar_pipeline.config.sources.prices import PriceSourceSettings
from darkstar_pipeline.config.sources.weather import WeatherSourceSettings


class SourcesSettings(Frozen):
    """Data that comes by itself; `darkstar fetch` and Dagster ask these sources."""

    ca_file: Path | None = Field(
        default=None,
        description="certificate authority (PEM) that is trusted beside the system's, for servers of your own",
    )
    prices: PriceSourceSettings = Field(default_factory=PriceSourceSettings)
    weather: WeatherSourceSettings = Field(default_factory=WeatherSourceSettings)
    mqtt: MqttReadingSettings = Field(default_factory=MqttReadingSettings)
