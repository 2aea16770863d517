"""Builds what reads and switches the movable loads of a site from its settings."""

import threading
from collections.abc import Callable, Mapping

from darkstar_pipeline.config.household.control import DeviceControl
from darkstar_pipeline.context import Context
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.control.guard_process import GuardProcess
from darkstar_pipeline.service.control.lease_keeper import LeaseKeeper, Reach
from darkstar_pipeline.service.devices.car import Car
from darkstar_pipeline.service.devices.evcc import EvccHandover
from darkstar_pipeline.service.devices.handover import (
    CONFIRM_SECONDS,
    LEASE_SECONDS,
    POLL_SECONDS,
    HandedLoad,
    Handover,
)
from darkstar_pipeline.service.devices.load_documents import CAR, WATER
from darkstar_pipeline.service.engine.wanted_loads import WantedLoad
from darkstar_pipeline.service.home_assistant.client import HomeAssistantClient
from darkstar_pipeline.service.home_assistant.feeds.made_feed import reached
from darkstar_pipeline.service.home_assistant.mqtt_broker import MqttBroker
from darkstar_pipeline.service.state_folder import service_folder
from darkstar_pipeline.state.folder_names import LOADS_FOLDER

Wanted = Mapping[str, Callable[[], WantedLoad]]
"""What each load is to do now, by its name."""


def load_names(context: Context) -> tuple[str, ...]:
    """Return the names of the loads that a site has and that can be handed over."""
    devices = context.site_settings.devices
    named = ((CAR, devices.vehicle), (WATER, devices.water_heater))
    return tuple(name for name, settings in named if settings is not None)


def loads_reader(context: Context) -> HomeAssistantClient | None:
    """Return what reads the movable loads; None where none of them has a sensor.

    Raises:
        ConfigurationError: one has, and Home Assistant's address or token is missing.
    """
    devices = context.site_settings.devices
    for name, load in (("vehicle", devices.vehicle), ("water_heater", devices.water_heater)):
        if load is not None and any(load.sensors.model_dump().values()):
            return _home_assistant(context, f"devices.{name}.sensors")
    return None


def handover(context: Context, clock: Clock, wanted: Wanted) -> Handover | None:
    """Return what hands loads over to Home Assistant; None where nothing is.

    Raises:
        ConfigurationError: something is, and Home Assistant's address or token is missing.
    """
    controls = {
        name: control for name, control in _controls(context).items() if control.enabled and control.evcc is None
    }
    if not controls:
        return None
    client, home = _home_assistant(context, "devices.*.control"), context.site_settings.home_assistant
    folder = service_folder(context.home, context.site_name) / LOADS_FOLDER
    keeper = LeaseKeeper(
        folder,
        Reach(url=home.url or "", token_file=home.token_file, ca_file=context.site_settings.sources.ca_file),
        lease_seconds=LEASE_SECONDS,
        margin_seconds=2 * CONFIRM_SECONDS + POLL_SECONDS,
        guards=GuardProcess(folder),
    )
    loads = tuple(HandedLoad(name, control, wanted[name]) for name, control in controls.items())
    return Handover(loads, client, keeper, clock, folder=folder, timezone=context.timezone, wait=threading.Event().wait)


def evcc_handover(context: Context, clock: Clock, wanted: Wanted, car: Car | None) -> EvccHandover | None:
    """Return what hands the car over to evcc; None where nothing is.

    Raises:
        ConfigurationError: the broker's password cannot be read.
    """
    control = _controls(context).get(CAR)
    if car is None or control is None or not control.enabled or control.evcc is None:
        return None
    broker = MqttBroker(context.site_settings.home_assistant.mqtt, context.site_settings.sources.ca_file)
    return EvccHandover(broker, control.evcc, site=context.site_name, wanted=wanted[CAR], take=car.take, clock=clock)


def _controls(context: Context) -> dict[str, DeviceControl]:
    devices = context.site_settings.devices
    named = ((CAR, devices.vehicle), (WATER, devices.water_heater))
    return {name: settings.control for name, settings in named if settings is not None}


def _home_assistant(context: Context, wanted: str) -> HomeAssistantClient:
    """Return a client of the site's Home Assistant.

    Raises:
        ConfigurationError: its address or token is missing.
    """
    url, token = reached(context, wanted)
    return HomeAssistantClient(url, token, ca_file=context.site_settings.sources.ca_file)
