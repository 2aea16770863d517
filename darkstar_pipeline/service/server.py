"""Builds the planner service from its parts, and runs it until a signal stops it."""

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Protocol

import uvicorn

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.fetching.weather.due import fetches_weather
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.control.controller import ControlledHome, Controller
from darkstar_pipeline.service.control.guard_process import GuardProcess
from darkstar_pipeline.service.control.live_caps import CapInputs, LiveCaps
from darkstar_pipeline.service.control.outstanding_lease import OutstandingLease, default_lease
from darkstar_pipeline.service.daily_learning import DailyLearning
from darkstar_pipeline.service.devices.household import Household
from darkstar_pipeline.service.devices.outlets import Wanted, evcc_handover, handover, load_names, loads_reader
from darkstar_pipeline.service.engine.planner_engine import PlannerEngine
from darkstar_pipeline.service.engine.shadow import ShadowPlanner
from darkstar_pipeline.service.engine.wanted_loads import WantedLoad, wanted_load
from darkstar_pipeline.service.home_assistant.feeds.live_states import LiveStates
from darkstar_pipeline.service.home_assistant.feeds.made_feed import made_feed, made_mqtt_feed
from darkstar_pipeline.service.home_assistant.mqtt_broker import MqttBroker
from darkstar_pipeline.service.home_assistant.mqtt_publisher import Publisher, Shown
from darkstar_pipeline.service.housekeeper import Housekeeper
from darkstar_pipeline.service.http.app import create_app
from darkstar_pipeline.service.http.dependencies import ServiceState
from darkstar_pipeline.service.http.listener import connection_limits, listener_config, open_socket
from darkstar_pipeline.service.http.metrics import Metrics
from darkstar_pipeline.service.http.sessions import kept_sessions
from darkstar_pipeline.service.http.tokens import AccessToken, service_token
from darkstar_pipeline.service.logs import configure_logs
from darkstar_pipeline.service.notifier import Notifier
from darkstar_pipeline.service.price_feed import PriceFeed
from darkstar_pipeline.service.schemas.health import Component
from darkstar_pipeline.service.schemas.steering import Steering
from darkstar_pipeline.service.state_folder import SERVING_LOCK, service_folder
from darkstar_pipeline.service.steering import SteeringStatus
from darkstar_pipeline.service.weather_feed import WeatherFeed
from darkstar_pipeline.state.file_lock import is_locked
from darkstar_pipeline.state.folder_names import LOADS_FOLDER


class _Part(Protocol):
    """A part of the service that tells how it is."""

    def status(self) -> Component:
        """Return its state as a component."""
        ...


class PlannerServer:
    """A planner service with all its parts.

    Args:
        context: the site.
        clock: its clock; where that differs from the system's, nothing outside is read, published or controlled.
        ingress: address of Home Assistant's ingress, whose requests need no token; None for none.

    Raises:
        ConfigurationError: a token is missing, or the settings contradict each other.
    """

    def __init__(self, context: Context, clock: Clock, *, ingress: str | None = None) -> None:
        if ingress is not None and context.site_settings.service.trusted_proxies:
            message = "service.trusted_proxies could pretend to be the ingress"
            raise ConfigurationError(message, "remove them, or leave out --ingress-from")
        self.token = AccessToken(service_token(context))
        trial = clock.offset != timedelta()
        self.live, self.feed = (None if trial else made_feed(context, clock)) or (None, None)
        self.topics, self.mqtt_feed = (None if trial else made_mqtt_feed(context, clock)) or (None, None)
        by_mqtt = self.mqtt_feed is not None and self.mqtt_feed.reads_battery
        live = self.mqtt_feed if by_mqtt else self.feed
        folder = service_folder(context.home, context.site_name)
        self.household = Household(context, folder, clock, None if trial else loads_reader(context))
        self.engine = PlannerEngine(context, clock=clock, live=live, household=self.household)
        self.shadows = ShadowPlanner()
        self.engine.add_listener(self.shadows.on_plan)
        self.guards = GuardProcess(folder)
        self.outstanding = _outstanding(context, self.guards, trial=trial)
        self.control = None if trial else _control(context, clock, self.engine, self.guards, self.live)
        steering = SteeringStatus(
            control=self.control,
            trial=trial,
            automatic=lambda: self.engine.overrides.automatic,
            plan=self.engine.plan,
            clock=clock,
        ).now
        wanted = _wanted(self.engine, load_names(context))
        self.handover = None if trial else handover(context, clock, wanted)
        self.left_loads = _left_loads(folder) if self.handover is None and not trial else None
        self.evcc = None if trial else evcc_handover(context, clock, wanted, self.household.car)
        self.publisher = None if trial else _publisher(context, self.engine, steering, wanted)
        self.housekeeper = None if trial else Housekeeper(context.home, lambda: self.engine.context.settings, clock)
        self.learning = None if trial else DailyLearning(lambda: self.engine.context, clock)
        fetches = not trial and bool(context.site_settings.sources.prices.order)
        self.prices = PriceFeed(context, clock) if fetches else None
        weather = not trial and fetches_weather(context.site_settings)
        self.weather = WeatherFeed(context, clock) if weather else None
        self.notifier = None if trial else Notifier(lambda: self.engine.context, clock)
        self.running = ServiceState(
            engine=self.engine,
            token=self.token,
            sessions=kept_sessions(context.home, self.token),
            ingress=ingress,
            metrics=Metrics(),
            parts=(self.shadows.components, self._outside),
            steering=steering,
            household=self.household,
        )

    def _outside(self) -> list[Component]:
        """Return the states of the parts that reach outside."""
        control = [] if self.control is None else self.control.components()
        guard = [*self.guards.components(), *self.outstanding.components()]
        guard += [] if self.left_loads is None else self.left_loads.components()
        handed = [each for part in (self.handover, self.evcc) if part is not None for each in part.components()]
        return [*control, *guard, *handed, *(part.status() for part in self._told() if part is not None)]

    def _told(self) -> Sequence[_Part | None]:
        reading = (self.feed, self.live, self.mqtt_feed, self.topics)
        return *reading, self.publisher, self.housekeeper, self.prices, self.weather, self.notifier

    def start(self) -> None:
        """End what an earlier run left behind, then start reading, planning, publishing and controlling."""
        for part in (
            self.outstanding,
            self.left_loads,
            self.live,
            self.feed,
            self.topics,
            self.mqtt_feed,
            self.household,
            self.shadows,
            self.engine,
            self.publisher,
            self.control,
            self.handover,
            self.evcc,
            self.housekeeper,
            self.learning,
            self.prices,
            self.weather,
            self.notifier,
        ):
            if part is not None:
                part.start()

    def stop(self) -> None:
        """Restore the inverter's default first, then stop the other parts."""
        for part in (
            self.control,
            self.handover,
            self.evcc,
            self.publisher,
            self.engine,
            self.shadows,
            self.household,
            self.feed,
            self.live,
            self.mqtt_feed,
            self.topics,
            self.outstanding,
            self.left_loads,
            self.housekeeper,
            self.learning,
            self.prices,
            self.weather,
            self.notifier,
        ):
            if part is not None:
                part.stop()


def controlled_home(context: Context) -> ControlledHome:
    """Return what control needs to know of a site."""
    return ControlledHome(
        settings=context.site_settings.home_assistant,
        discharge_kw=context.site.battery.discharge_kw,
        curtailable=bool(context.site.limits.curtailable),
        timezone=context.timezone,
        folder=service_folder(context.home, context.site_name),
        ca_file=context.site_settings.sources.ca_file,
    )


def _control(
    context: Context, clock: Clock, engine: PlannerEngine, guards: GuardProcess, states: LiveStates | None
) -> Controller:
    """Return what controls the inverter; the planner leaves the battery alone while others have it."""
    settings = context.site_settings.home_assistant.control.live_caps
    inputs = CapInputs(settings=settings, site=context.site, plan=engine.plan, monotonic=clock.monotonic)
    caps = LiveCaps(inputs) if settings.fuse_a is not None or settings.month_peak else None
    home = replace(controlled_home(context), caps=caps)
    home = home if states is None else replace(home, live=states.document)
    controller = Controller(home, clock, engine.command, guards=guards)
    if controller.settings.enabled and controller.settings.hands_off.any:
        engine.others_until, engine.others_at = controller.hands_off.until, controller.hands_off.is_planned
    return controller


def _outstanding(context: Context, guards: GuardProcess, *, trial: bool) -> OutstandingLease:
    """Return what ends the lease of an earlier run; a trial may run beside the service that holds it."""
    folder = service_folder(context.home, context.site_name)
    settings = context.site_settings

    def is_ours() -> bool:
        return not trial or not is_locked(folder / SERVING_LOCK)

    try:
        fallback = default_lease(
            settings.home_assistant,
            context.site.battery.discharge_kw,
            settings.sources.ca_file,
            curtailable=bool(context.site.limits.curtailable),
        )
    except ConfigurationError:  # such as a profile whose file is gone: the lease ends, and names what it needs
        if not settings.home_assistant.control.enabled:
            return OutstandingLease(folder, guards, fallback=None, is_ours=is_ours)
        OutstandingLease(folder, guards, fallback=None, is_ours=is_ours).step()
        raise
    return OutstandingLease(folder, guards, fallback=fallback, is_ours=is_ours)


def _left_loads(folder: Path) -> OutstandingLease:
    """Return what ends the lease of movable loads that an earlier run handed over, where nobody hands over any now."""
    loads = folder / LOADS_FOLDER
    return OutstandingLease(loads, GuardProcess(loads), fallback=None)


def _publisher(
    context: Context, engine: PlannerEngine, steering: Callable[[], Steering], wanted: Wanted
) -> Publisher | None:
    """Return the publisher of a site; None where MQTT is not enabled.

    Raises:
        ConfigurationError: the password file cannot be read, or others can read it.
    """
    settings = context.site_settings.home_assistant.mqtt
    if not settings.enabled:
        return None
    return Publisher(
        MqttBroker(settings, context.site_settings.sources.ca_file),
        site=context.site_name,
        currency=context.site.currency,
        shown=Shown(
            plan=engine.plan,
            command=engine.command,
            steering=steering,
            loads=wanted,
            language=context.site_settings.language,
        ),
        clock=engine.clock,
    )


def _wanted(engine: PlannerEngine, names: Iterable[str]) -> Wanted:
    """Return what each movable load is to do now, by its name."""

    def now_of(name: str) -> WantedLoad:
        return wanted_load(engine.plan(), name, engine.clock.now(), automatic=engine.overrides.automatic)

    return {name: partial(now_of, name) for name in names}


def serve(
    context: Context, *, clock: Clock, host: str, port: int, started: Callable[[], None], ingress: str | None = None
) -> None:
    """Serve a site until a signal comes.

    Args:
        context: the site.
        clock: the service's clock.
        host: address to listen on.
        port: port to listen on.
        started: called once the service is started.
        ingress: address of Home Assistant's ingress, whose requests need no token; None for none.

    Raises:
        ConfigurationError: a token is missing, the settings contradict each other, or the address cannot be had.
    """
    listening = open_socket(host, port)  # before anything starts, so that a refusal leaves nothing behind
    configure_logs(json=not sys.stderr.isatty())
    service = PlannerServer(context, clock, ingress=ingress)

    def begin() -> None:
        service.start()
        started()

    app = create_app(service.running, begin=begin, end=service.stop)
    settings = context.site_settings.service
    config = listener_config(
        app,
        host=host,
        port=port,
        metrics=service.running.metrics,
        limits=connection_limits(settings),
        trusted_proxies=settings.trusted_proxies,
    )
    QuietServer(config).run(sockets=[listening])


class QuietServer(uvicorn.Server):
    """A server that returns normally after SIGINT or SIGTERM; uvicorn's raises the signal again."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Finish the open requests, then stop; a second signal stops at once."""
        del sig, frame
        self.force_exit, self.should_exit = self.should_exit, True
