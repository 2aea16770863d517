"""The water heater of a running service: what its day still needs, and when it last ran against legionella."""

import logging
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from darkstar_pipeline.config.household.heater import WaterHeaterSettings
from darkstar_pipeline.errors import DarkstarError
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.devices.load_documents import WATER
from darkstar_pipeline.service.devices.sensor_values import StateReader, kilowatts
from darkstar_pipeline.service.devices.stored_document import StoredDocument
from darkstar_pipeline.service.home_assistant.entity_values import number_of
from darkstar_pipeline.service.schemas.health import Component
from darkstar_pipeline.service.schemas.plans import PlanDocument
from env.time_grid import SLOT, SLOT_HOURS, day_start, slot_of, zone
from planner.optimizer.deferrable_loads import HeaterRequest, HeatRun
from planner.wording.messages import joined, phrase

HEATER_FILE = "heater.json"
KWH_PER_LITRE_KELVIN = 1.163e-3
FULL = 0.9
"""Part of its power from which on the heater runs at full power."""
PAUSE = timedelta(minutes=5)
"""A pause as long as this ends a run: a thermostat opens and closes."""
FIRST_RUN = timedelta(days=2)
"""Where nothing is known of an earlier run, the first comes within this time."""
_log = logging.getLogger(__name__)


class _Kept(BaseModel):
    """The part of the state that has to outlive the service."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    last_run: datetime | None = None
    known_since: datetime | None = None
    full_since: datetime | None = None
    full_until: datetime | None = None


class Heater:
    """The water heater of a site.

    Args:
        settings: of the heater.
        folder: of the service.
        clock: the service's clock.
        reader: reads Home Assistant; None where nobody does.
    """

    def __init__(
        self, settings: WaterHeaterSettings, folder: Path, clock: Clock, reader: StateReader | None = None
    ) -> None:
        self.settings, self._clock, self._reader = settings, clock, reader
        self._stored = StoredDocument(folder / HEATER_FILE, _Kept())
        self._temperature: float | None = None
        self._problems: dict[str, str] = {}

    @property
    def last_run(self) -> datetime | None:
        """When the last run against legionella ended; None where none is known."""
        return self._stored.value.last_run

    @property
    def temperature(self) -> float | None:
        """Temperature of the tank as it was read last [°C]; None where it is not read."""
        return self._temperature

    def request(self, now: datetime, timezone: str, *, away: bool, plan: PlanDocument | None = None) -> HeaterRequest:
        """Return what the heater asks of a plan.

        Args:
            now: the moment.
            timezone: whose days they are.
            away: whether nobody is at home; the run against legionella stays.
            plan: the plan before, which says whether what goes on now is such a run; None where there is none.
        """
        return HeaterRequest(
            done_today_kwh=0.0 if away else self._done_today(now, timezone),
            vacation=away,
            run=self._run(now, plan),
        )

    def _done_today(self, now: datetime, timezone: str) -> float:
        """Return what counts as heated today, by the tank's temperature [kWh]; 0 where the readings have to tell.

        A tank at its usual temperature has had its part of the day; what it is colder is missing, what it is warmer
        is there already.
        """
        litres = self.settings.tank_litres
        if self._temperature is None or litres is None:
            return 0.0
        today = now.astimezone(zone(timezone)).date()
        start, end = day_start(today, timezone), day_start(today + timedelta(days=1), timezone)
        usual = self.settings.energy_kwh_per_day * ((now - start) / (end - start))
        missing = (self.settings.tank_temperature - self._temperature) * litres * KWH_PER_LITRE_KELVIN
        return usual - missing

    def _run(self, now: datetime, plan: PlanDocument | None) -> HeatRun | None:
        """Return the run against legionella that is under way, or the next with its deadline."""
        rule, kept, start = self.settings.legionella, self._stored.value, slot_of(now)
        if rule is None:
            return None
        if kept.known_since is None or any(
            at is not None and at > now + PAUSE for at in (kept.last_run, kept.full_until)
        ):
            kept = _Kept(known_since=now)  # also of a clock that was ahead: what it dated would keep the next run away
            self._stored.keep(kept)
        hours, every = timedelta(hours=rule.hours), timedelta(days=rule.every_days)
        if self._is_running(now) and kept.full_since is not None and kept.full_since < start:
            ends = kept.full_since + hours
            if ends > start and self._full_until(plan, start) >= ends:
                n_slots = -(-(ends - start) // SLOT)
                return HeatRun(n_slots * SLOT / timedelta(hours=1), start, start + n_slots * SLOT)
        if kept.last_run is not None and now < kept.last_run + every / 2:
            return None  # so early a run only brings the next forward
        deadline = kept.last_run + every if kept.last_run is not None else (kept.known_since or now) + FIRST_RUN
        return HeatRun(rule.hours, start, max(deadline, start + hours + SLOT))

    def _is_running(self, now: datetime) -> bool:
        until = self._stored.value.full_until
        return until is not None and now - until <= PAUSE

    def _full_until(self, plan: PlanDocument | None, start: datetime) -> datetime:
        """Return until when a plan heats at full power from a slot on."""
        for slot in () if plan is None else plan.slots:
            if slot.slot_start >= start:
                if slot.others.get(f"{WATER}_kwh", 0.0) < FULL * self.settings.power_kw * SLOT_HOURS:
                    return slot.slot_start
                start = slot.slot_end
        return start

    def poll(self, plan: PlanDocument | None) -> None:
        """Read the heater's sensors, and notice a run that goes on or is done.

        Args:
            plan: the plan in force, which stands for a power that is not read; None where nothing is carried out.
        """
        now = self._clock.now()
        self._temperature = self._value("temperature")
        power = self._value("power")
        if power is None and self.settings.sensors.power is None:
            power = _planned_kw(plan, now)
        if self.settings.legionella is not None:
            self._notice(now, full=power is not None and power >= FULL * self.settings.power_kw)

    def _value(self, name: str) -> float | None:
        entity = getattr(self.settings.sensors, name)
        if entity is None or self._reader is None:
            return None
        try:
            state = self._reader.state(entity)
            value = kilowatts(state) if name == "power" else number_of(state)
        except DarkstarError as error:
            self._tell(name, error.message)
            return None
        self._tell(name, phrase("{entity} has no value that can be read", entity=entity) if value is None else "")
        return value

    def _tell(self, name: str, problem: str) -> None:
        if problem and problem != self._problems.get(name):
            _log.warning("water heater, %s: %s", name, problem)
        self._problems[name] = problem

    def _notice(self, now: datetime, *, full: bool) -> None:
        """Keep since when the heater runs at full power; once that is long enough, it was a run."""
        rule, kept = self.settings.legionella, self._stored.value
        if not full or rule is None:
            return
        goes_on = kept.full_since is not None and self._is_running(now)
        since = kept.full_since if goes_on and kept.full_since is not None else now
        update: dict[str, datetime] = {"full_since": since, "full_until": now}
        if now - since >= timedelta(hours=rule.hours) - timedelta(minutes=1):
            update["last_run"] = now
        last = kept.full_until
        if not goes_on or "last_run" in update or last is None or now - last >= timedelta(minutes=1):
            self._stored.keep(kept.model_copy(update=update))

    def components(self) -> list[Component]:
        """Return the state of the heater as a component of the service."""
        problems = [problem for problem in (*self._problems.values(), self._stored.problem) if problem]
        return [Component(name="water_heater", ok=not problems, note=joined("; ", problems))]


def _planned_kw(plan: PlanDocument | None, now: datetime) -> float | None:
    """Return the heater's planned power now [kW]; None where no plan says."""
    if plan is None:
        return None
    slot = next((slot for slot in plan.slots if slot.slot_start <= now < slot.slot_end), None)
    return None if slot is None else slot.others.get(f"{WATER}_kwh", 0.0) / SLOT_HOURS
