"""Hands the schedule of the car over to evcc through the broker, and reads the car from there.

evcc publishes `<root>/loadpoints/<n>/mode`, `connected`, `chargePower` and `vehicleSoc`, and takes a mode at
`mode/set`. The broker itself sets the default mode when the service dies (last will).
"""

import logging
from collections.abc import Callable

import paho.mqtt.client as mqtt

from darkstar_pipeline.config.household.control import EvccControl
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.engine.wanted_loads import WantedLoad
from darkstar_pipeline.service.home_assistant.mqtt_broker import QOS, MqttBroker
from darkstar_pipeline.service.home_assistant.mqtt_link import MqttLink
from darkstar_pipeline.service.periodic import PeriodicCheck
from darkstar_pipeline.service.schemas.health import Component
from darkstar_pipeline.service.schemas.loads import CarReading

POLL_SECONDS = 2.0
STOP_SECONDS = 3.0
AGAIN_SECONDS = 30.0
"""A mode that evcc does not show is set again after this time, so often [s]."""
ATTEMPTS = 3
_log = logging.getLogger(__name__)


class EvccHandover:
    """Sets the charge mode of a charging point of evcc.

    Args:
        broker: the broker of both.
        settings: the charging point.
        site: name of the site.
        wanted: returns what the car is to do now.
        take: takes a reading of the car.
        clock: the service's clock.

    Raises:
        ConfigurationError: the broker's password cannot be read.
    """

    def __init__(
        self,
        broker: MqttBroker,
        settings: EvccControl,
        *,
        site: str,
        wanted: Callable[[], WantedLoad],
        take: Callable[[CarReading], None],
        clock: Clock,
    ) -> None:
        self._settings, self._wanted, self._take, self._clock = settings, wanted, take, clock
        self._base = f"{settings.topic}/loadpoints/{settings.loadpoint}"
        self._mode = ""
        self._set, self._attempts, self._confirmed, self._next_try = "", 0, False, 0.0
        self._note = ""
        client_id, topics = f"darkstar_{site}_evcc", [f"{self._base}/+"]
        self._link = MqttLink(broker, client_id, topics, name="evcc", take=self._on_message, lost=self._begin_anew)
        self._client = self._link.client
        self._client.will_set(f"{self._base}/mode/set", settings.default_mode, qos=QOS)
        self._periodic = PeriodicCheck(self.check, name="evcc", first_seconds=0.0, seconds=POLL_SECONDS)

    def start(self) -> None:
        """Start connecting and handing over."""
        self._link.start()
        self._periodic.start()

    def stop(self) -> None:
        """Set the default mode, and disconnect."""
        self._periodic.stop(STOP_SECONDS)
        if self._client.is_connected() and self._set:
            try:
                self._publish(self._settings.default_mode).wait_for_publish(STOP_SECONDS)
            except (RuntimeError, ValueError):
                _log.warning("evcc did not get its default mode")
        self._link.stop()

    def components(self) -> list[Component]:
        """Return the state of the handover as a component of the service."""
        notes = "; ".join(part for part in (self._link.problem, self._note) if part)
        return [Component(name="evcc", ok=not self._link.problem, note=notes)]

    def _begin_anew(self) -> None:
        """Forget the mode that evcc showed: the broker's last will, which changes it, is no person's."""
        self._mode, self._attempts, self._confirmed, self._next_try = "", 0, False, 0.0

    def _on_message(self, message: mqtt.MQTTMessage) -> None:
        """Take the mode, and what evcc knows of the car."""
        text, topic = bytes(message.payload).decode("utf-8", "replace").strip(), message.topic.rpartition("/")[2]
        if topic == "mode":
            self._mode = text
        elif topic == "connected" and text in ("true", "false"):
            self._take(CarReading(plugged=text == "true"))
        elif topic in ("chargePower", "vehicleSoc"):
            self._take_number(topic, text)

    def _take_number(self, topic: str, text: str) -> None:
        try:
            value = float(text)
        except ValueError:
            return
        if topic == "chargePower" and 0 <= value <= 1e6:  # noqa: PLR2004 - in W, as any charger has it
            self._take(CarReading(power_kw=value / 1000))
        elif topic == "vehicleSoc" and 0 < value <= 100:  # noqa: PLR2004 - evcc says 0 where it does not know
            self._take(CarReading(soc_percent=value))

    def check(self) -> None:
        """Set the mode that the plan wants, where evcc shows another."""
        settings = self._settings
        modes = {"on": settings.charge_mode, "off": settings.idle_mode, "default": settings.default_mode}
        state = self._wanted().state
        mode = modes[state]
        if state == "default" and not self._set:
            return
        if mode != self._set:
            self._set, self._attempts, self._confirmed, self._next_try, self._note = mode, 0, False, 0.0, ""
        if self._mode == mode:
            self._confirmed, self._note = True, ""
            return
        if self._confirmed:
            self._note = f"somebody else has set evcc to {self._mode}: it is left until the plan changes"
            return
        self._try_again(mode)

    def _try_again(self, mode: str) -> None:
        """Publish a mode, at intervals and not for ever."""
        now = self._clock.monotonic()
        if not self._client.is_connected() or now < self._next_try:
            return
        if self._attempts == ATTEMPTS:
            self._note = f"evcc does not take the mode {mode}: it shows {self._mode or 'none'}"
            return
        self._attempts, self._next_try = self._attempts + 1, now + AGAIN_SECONDS
        self._publish(mode)

    def _publish(self, mode: str) -> mqtt.MQTTMessageInfo:
        _log.info("evcc: %s/mode/set %s", self._base, mode)
        return self._client.publish(f"{self._base}/mode/set", mode, qos=QOS)
