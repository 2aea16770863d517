"""Settings of readings that come as MQTT messages, for homes without Home Assistant: a topic a quantity."""

from typing import Any, Literal

from pydantic import Field, model_validator

from darkstar_pipeline.config.base import Frozen
from darkstar_pipeline.config.home_assistant import HomeAssistantSensors

Quantity = Literal[
    "soc", "load", "pv", "grid_import", "grid_export", "grid", "battery_charge", "battery_discharge", "battery",
    "water", "ev", "heat_pump",
]  # fmt: skip
_SIGNED = ("grid", "battery")
_PATH = r"^[^.\s]+(\.[^.\s]+)*$"


class MqttTopic(Frozen):
    """A topic whose messages are readings of one quantity."""

    topic: str = Field(min_length=1, max_length=1000, pattern=r"^[^+#\x00]+$", description="topic, without wildcards")
    measures: Quantity = Field(
        description="what it measures; grid: power, positive is import; battery: power, positive charges"
    )
    unit: Literal["W", "kW", "Wh", "kWh", "MWh", "%"] = Field(
        description="W and kW: a power; Wh, kWh and MWh: a rising counter; %: the state of charge"
    )
    value: str | None = Field(
        default=None, pattern=_PATH, description="path in JSON, such as ENERGY.Total; null: the message is the number"
    )
    time: str | None = Field(
        default=None, pattern=_PATH, description="path of the reading's own time in JSON; null: when the message came"
    )
    silent_minutes: float | None = Field(
        default=15.0, gt=0, le=1440, description="a power that is silent for longer is unknown; null: it holds [min]"
    )

    @model_validator(mode="after")
    def _has_a_unit_of_its_quantity(self) -> "MqttTopic":
        wanted = ("%",) if self.measures == "soc" else ("W", "kW") if self.measures in _SIGNED else None
        if wanted is not None and self.unit not in wanted:
            message = f"{self.measures} is in {' or '.join(wanted)}, got {self.unit}"
            raise ValueError(message)
        if self.measures != "soc" and self.unit == "%":
            message = f"{self.measures} is a power or an energy, got %"
            raise ValueError(message)
        return self


class MqttReadingSettings(Frozen):
    """Readings by MQTT, through the broker of `home_assistant.mqtt`."""

    topics: tuple[MqttTopic, ...] = Field(
        default=(),
        description="topics that are read, such as {topic: meter/power, measures: grid, unit: W}; empty: none",
    )
    load: Literal["balance"] | None = Field(
        default=None, description="balance: the load is what the other flows leave over; null: a topic measures it"
    )

    load_holds: tuple[Literal["water", "ev"], ...] = Field(
        default=(),
        description="planned loads that the load's topic holds too: they are subtracted from it; empty: none",
    )

    @property
    def entities(self) -> dict[str, MqttTopic]:
        """The topics by the names that they have among the home's sensors."""
        named: dict[str, MqttTopic] = {}
        for topic in self.topics:
            same = sum(each.measures == topic.measures for each in named.values())
            named[f"mqtt.{topic.measures}{f'_{same + 1}' if same else ''}"] = topic
        return named

    def sensors(self) -> HomeAssistantSensors:
        """Return the home's sensors; topics of one quantity are summed."""
        terms: dict[str, Any] = {"load_holds": self.load_holds}
        terms |= {} if self.load is None else {"load": self.load}
        for entity, topic in self.entities.items():
            if topic.measures == "load" and self.load is not None:
                message = "load is a topic and balance: remove one"
                raise ValueError(message)
            before = terms.get(topic.measures)
            if before is not None and topic.measures == "soc":
                message = "two topics measure soc: name one"
                raise ValueError(message)
            terms[topic.measures] = entity if before is None else f"{before}+{entity}"
        return HomeAssistantSensors(**terms)

    @model_validator(mode="after")
    def _makes_sense(self) -> "MqttReadingSettings":
        places = [(each.topic, each.value) for each in self.topics]
        for topic, value in places:
            if places.count((topic, value)) > 1:
                message = f"{topic}{f' at {value}' if value else ''} stands twice, and would count twice: remove one"
                raise ValueError(message)
        self.sensors()
        return self
