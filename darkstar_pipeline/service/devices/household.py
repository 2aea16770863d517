"""The movable loads of a running service together: what they ask of a plan, and what they get."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import DarkstarError
from darkstar_pipeline.planning.battery_care import TimedReserve
from darkstar_pipeline.planning.loads.car_demand import CarDemand
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.devices.car import Car
from darkstar_pipeline.service.devices.heater import Heater
from darkstar_pipeline.service.devices.load_documents import load_plans
from darkstar_pipeline.service.devices.outage_warning import OutageWarning
from darkstar_pipeline.service.devices.sensor_values import StateReader, power_of
from darkstar_pipeline.service.devices.weather_warning import WeatherWarning
from darkstar_pipeline.service.periodic import PeriodicCheck
from darkstar_pipeline.service.schemas.health import Component
from darkstar_pipeline.service.schemas.plans import CommandDocument, PlanDocument
from env.time_grid import SLOT_HOURS
from planner.optimizer.deferrable_loads import HeaterRequest, LoadRequests
from planner.plans.task import PlanTask

STOP_SECONDS = 5.0
PV_TIMES = 2.0
"""The panels may make so many times what the plan expects, where the grid is asked whether it feeds the car."""


class Household:
    """The movable loads of a site.

    Args:
        context: the site.
        folder: of its service.
        clock: the service's clock.
        reader: reads Home Assistant; None where nobody does.
    """

    def __init__(self, context: Context, folder: Path, clock: Clock, reader: StateReader | None = None) -> None:
        self._reader = reader
        devices = context.site_settings.devices
        car, heater = devices.vehicle, devices.water_heater
        self.car = None if car is None else Car(car, folder, clock, reader)
        self.heater = None if heater is None else Heater(heater, folder, clock, reader)
        warning = context.site_settings.household.care.outage_warning
        self.warning = None if warning is None else OutageWarning(warning, reader)
        storms = context.site_settings.household.care.weather_warning
        self.storms = None if storms is None else WeatherWarning(context, clock)
        seconds = context.site_settings.service.poll_seconds
        self._periodic = PeriodicCheck(self.poll, name="household", first_seconds=0.0, seconds=seconds)
        self._clock, self._grid = clock, context.site_settings.home_assistant.control.live_caps.grid_power
        self._demand: CarDemand | None = None
        self._plan: PlanDocument | None = None

    def start(self) -> None:
        """Start reading the loads' sensors, in a thread of its own."""
        self._periodic.start()

    def stop(self) -> None:
        """Stop reading."""
        self._periodic.stop(STOP_SECONDS)
        if self._reader is not None:
            self._reader.close()

    def poll(self) -> None:
        """Read the loads' sensors once."""
        if self.car is not None:
            self.car.poll(self._delivered_kw())
        if self.heater is not None:
            self.heater.poll(self._plan)
        if self.warning is not None:
            self.warning.poll()

    def _delivered_kw(self) -> float | None:
        """Return what grid and panels give the house; None where no sensor says what the grid does [kW]."""
        grid = None if self._reader is None or self._grid is None else self._read_grid(self._reader, self._grid)
        if grid is None:
            return None
        now, plan = self._clock.now(), self._plan
        slot = (
            None
            if plan is None
            else next((each for each in plan.slots if each.slot_start <= now < each.slot_end), None)
        )
        pv_kwh = None if slot is None else slot.pv_kwh
        return None if pv_kwh is None else max(grid, 0.0) + PV_TIMES * pv_kwh / SLOT_HOURS

    def _read_grid(self, reader: StateReader, sensor: str) -> float | None:
        try:
            state = reader.state(sensor.removeprefix("-"))
        except DarkstarError:
            return None
        value = power_of(state)
        return value if value is None or not sensor.startswith("-") else -value

    def key(self, now: datetime) -> tuple[object, ...]:
        """Return what changes whenever a plan is to be made anew."""
        warning = () if self.warning is None else self.warning.key()
        storms = () if self.storms is None else self.storms.key(now)
        return (*(() if self.car is None else self.car.key(now)), *warning, *storms)

    def reserves(self, now: datetime) -> list[TimedReserve]:
        """Return the reserves for outages that are asked for now."""
        forecast = [] if self.storms is None else self.storms.reserves(now)
        return [*([] if self.warning is None else self.warning.reserves(now)), *forecast]

    def requests(self, context: Context, now: datetime, *, away: bool) -> LoadRequests:
        """Return what the loads ask of a plan.

        Args:
            context: the site as it is configured now.
            now: the moment of the plan.
            away: whether nobody is at home.
        """
        heater = HeaterRequest(vacation=away)
        if self.heater is not None:
            heater = self.heater.request(now, context.timezone, away=away, plan=self._plan)
        requests = LoadRequests(heater=heater)
        if self.car is None or context.site.devices.vehicle is None:
            return requests
        self._demand = self.car.demand(now, context.timezone)
        return replace(requests, vehicle=self._demand.request)

    def with_loads(self, plan: PlanDocument, task: PlanTask | None, before: PlanDocument) -> PlanDocument:
        """Return a plan with what it gives the loads; where its inputs are missing, with what the one before gave.

        Args:
            plan: the plan.
            task: its task; None where inputs are missing.
            before: the plan before it.
        """
        loads = before.loads if task is None else load_plans(task, plan, self._demand)
        self._plan = plan.model_copy(update={"loads": loads})
        return self._plan

    def held(self, command: CommandDocument) -> CommandDocument:
        """Return a command that keeps the battery from what it may not feed."""
        return command if self.car is None else self.car.held(command)

    def components(self) -> list[Component]:
        """Return the states of the loads as components of the service."""
        car = [] if self.car is None else self.car.components()
        warning = [] if self.warning is None else self.warning.components()
        warning += [] if self.storms is None else self.storms.components()
        return [*car, *([] if self.heater is None else self.heater.components()), *warning]
