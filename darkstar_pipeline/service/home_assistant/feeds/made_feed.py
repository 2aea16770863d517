"""Puts together what reads the home from Home Assistant, by the site's settings."""

from darkstar_pipeline.config.home_assistant import ControlSettings
from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.home_assistant_api.connection import Connection
from darkstar_pipeline.home_assistant_api.failures import TOKEN_VARIABLE
from darkstar_pipeline.home_assistant_api.socket import CONNECT_SECONDS
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.home_assistant.client import HomeAssistantClient
from darkstar_pipeline.service.home_assistant.feeds.live_reader import LiveReader
from darkstar_pipeline.service.home_assistant.feeds.live_states import LiveStates
from darkstar_pipeline.service.home_assistant.feeds.mqtt_reader import MqttReader
from darkstar_pipeline.service.home_assistant.home_feed import FeedSource, HomeFeed
from darkstar_pipeline.service.home_assistant.mqtt_broker import MqttBroker
from darkstar_pipeline.sources.home_assistant.naming.configured_sensors import configured_mapping, entities_of
from darkstar_pipeline.state.secrets import secret


def made_feed(context: Context, clock: Clock) -> tuple[LiveStates, HomeFeed] | None:
    """Return what follows the sensors of the home and what reads them; None where none is configured.

    Raises:
        ConfigurationError: sensors are configured, and Home Assistant's address or token is missing.
    """
    sensors, ca_file = context.site_settings.home_assistant.sensors, context.site_settings.sources.ca_file
    if not any(sensors.model_dump().values()):
        return None
    url, token = reached(context, "home_assistant.sensors")
    known = {*entities_of(configured_mapping(sensors)), *(each for each in (sensors.soc, sensors.price) if each)}
    live = LiveStates(
        lambda: Connection(url, token, ca_file=ca_file, seconds=CONNECT_SECONDS),
        sorted(known),
        clock=clock,
        without_past=_looked_at_by_control(context.site_settings.home_assistant.control),
    )
    rest = HomeAssistantClient(url, token, ca_file=ca_file)
    return live, HomeFeed(context, clock=clock, client=LiveReader(rest, live, clock=clock))


def _looked_at_by_control(control: ControlSettings) -> list[str]:
    """Return the sensors that control looks at every two seconds, beside the inverter's own; none where it is off."""
    caps = control.live_caps
    named = (None if caps.grid_power is None else caps.grid_power.removeprefix("-"), control.hands_off.entity)
    return [*caps.phase_currents, *(each for each in named if each is not None)] if control.enabled else []


def made_mqtt_feed(context: Context, clock: Clock) -> tuple[MqttReader, HomeFeed] | None:
    """Return what listens to the topics of the home and what reads them; None where none is configured.

    Raises:
        ConfigurationError: a quantity is read from Home Assistant too, or the broker's password cannot be read.
    """
    site = context.site_settings
    settings = site.sources.mqtt
    if not settings.topics:
        return None
    sensors, others = settings.sensors(), site.home_assistant.sensors
    both = [name for name in type(sensors).model_fields if getattr(sensors, name) and getattr(others, name)]
    if both:
        message = f"{' and '.join(both)} come from Home Assistant and by MQTT"
        raise ConfigurationError(message, "remove them from home_assistant.sensors, or from sources.mqtt")
    broker = MqttBroker(site.home_assistant.mqtt, site.sources.ca_file)
    reader = MqttReader(broker, settings, site=context.site_name, clock=clock)
    source = FeedSource(
        sensors=sensors, component="mqtt_readings", speaker="the MQTT broker", settings="sources.mqtt.topics"
    )
    return reader, HomeFeed(context, clock=clock, client=reader, source=source)


def reached(context: Context, wanted: str) -> tuple[str, str]:
    """Return address and token of the site's Home Assistant.

    Args:
        context: the site.
        wanted: settings that need them.

    Raises:
        ConfigurationError: one of them is missing.
    """
    home = context.site_settings.home_assistant
    token = secret(TOKEN_VARIABLE, home.token_file)
    if home.url is None or token is None:
        raise ConfigurationError(
            f"{wanted} are configured, and Home Assistant's url or token is missing",
            f"set home_assistant.url, and {TOKEN_VARIABLE} or home_assistant.token_file",
        )
    return home.url, token
