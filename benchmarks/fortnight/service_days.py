"""The planner service at work in simulated time: its own feeds, engine and control, over sources and a home that fail.

Every part is the service's own and is stepped in turn, as its threads would; sources answer on loopback; clock, home,
inverter and guard process are simulated. What Dagster would do beside it (grading, forecasts) is left out: the service
is alone.
"""

import random
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import polars as pl

from benchmarks.fault_injection.accelerated_days import SimulatedClock, SimulatedGuard
from benchmarks.fault_injection.faulty_inverter import CHARGE, DISCHARGE, FaultyInverter
from benchmarks.fortnight.faulty_sources import FaultySources
from benchmarks.fortnight.judgement import Judge, Judgement, LakeJudgement, Truth, judge_lake
from benchmarks.fortnight.simulated_home import SENSORS, HomeFault, HomeFaults, SimulatedHome
from benchmarks.homes.bench_homes import BenchHomes
from darkstar_pipeline.config.home_assistant import ControlMapping, ControlSettings, HomeAssistantSettings
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.fetching.client import Retries, SourceClient
from darkstar_pipeline.fetching.pace import Pace
from darkstar_pipeline.fetching.prices.fetch import Sources
from darkstar_pipeline.fetching.prices.rates import Rates
from darkstar_pipeline.fetching.weather.forecasts import fetch_forecasts
from darkstar_pipeline.fetching.weather.services import ADDRESSES
from darkstar_pipeline.home_assistant_api.failures import HomeAssistantError
from darkstar_pipeline.service.control.controller import ControlledHome, Controller
from darkstar_pipeline.service.engine.planner_engine import PlannerEngine
from darkstar_pipeline.service.home_assistant.home_feed import HomeFeed
from darkstar_pipeline.service.price_feed import PriceFeed
from darkstar_pipeline.service.state_folder import service_folder
from darkstar_pipeline.service.weather_feed import WeatherFeed
from darkstar_pipeline.warehouse.schemas import METER_READINGS, RAW_SPOT_PRICES
from env.time_grid import SLOT, day_bounds, days_between, grid, slot_of
from tests.builders.price_sources import RATE, services_at
from tests.builders.small_home import as_imported
from tests.builders.source_server import source_server

ZONE, SITE, AREA = "Europe/Stockholm", "home", "SE3"
ORDER = ("elprisetjustnu", "nordpool", "energy_charts")
STEP_SECONDS = 30.0
PRICES_SECONDS, WEATHER_SECONDS, SOC_SECONDS = 120, 300, 60
READINGS_AFTER = timedelta(seconds=30)
SETTLED_SECONDS = 600.0
"""So long after a fault, the inverter is to stand at the command again."""
PRICE_DAYS, READING_DAYS = 100, 14
"""Days that the home has from before."""
RESTART_HOURS = 31
AT_ONCE = Retries(attempts=2, first_wait=0.0, longest_wait=0.01, jitter=0.0)


@dataclass(frozen=True)
class Span:
    """The days to simulate.

    Attributes:
        first: first local day.
        days: number of days.
        seed: of every fault.
        late: hours by which the prices of a day are late, by the number of the day.
        outages: what Home Assistant's faults are beside random ones: hours after the begin, hours long, name.
    """

    first: date
    days: int
    seed: int
    late: dict[int, float] = field(default_factory=dict[int, float])
    outages: tuple[tuple[float, float, HomeFault], ...] = ()

    @property
    def last(self) -> date:
        """The last local day."""
        return self.first + timedelta(days=self.days - 1)


@dataclass
class ServiceDays:
    """The outcome of the simulated days.

    Attributes:
        plans: the judgement of plans and slots.
        lake: the judgement of what was stored.
        steered: slots whose command stood in the inverter.
        unsteered: slots in which nothing was wrong with the inverter and the command did not stand, in words.
        out_of_reach: slots in which Home Assistant had been away.
        faults: how often each fault was put in.
        restarts: how often the service was killed and started.
        weather: weather forecasts that were stored.
        skipped: what control said of slots in which the command did not stand.
    """

    plans: Judgement
    lake: LakeJudgement
    steered: int = 0
    unsteered: list[str] = field(default_factory=list[str])
    out_of_reach: int = 0
    faults: Counter[str] = field(default_factory=Counter[str])
    restarts: int = 0
    weather: int = 0
    skipped: Counter[str] = field(default_factory=Counter[str])


def settings_of_home() -> Settings:
    """Return the settings of the simulated home."""
    control = ControlSettings(
        enabled=True,
        dry_run=False,
        writes_per_day=192,
        mapping=ControlMapping(charge=CHARGE, discharge=DISCHARGE),
    )
    home = HomeAssistantSettings(url="http://127.0.0.1:9", sensors=SENSORS, control=control)
    site = SiteSettings.model_validate(
        {
            "area": AREA,
            "first_day": "2020-01-01",
            "battery": {"capacity_kwh": 10.0, "charge_kw": 5.0, "discharge_kw": 8.0},
            "forecast": {"latitude": 59.33, "longitude": 18.07, "panels_kw": 6.0},
            "sources": {"prices": {"order": ORDER}, "weather": {"order": ("open_meteo", "met_norway")}},
            "home_assistant": home.model_dump(),
        }
    )
    return Settings(sites={SITE: site})


class SimulatedService:
    """A service, its sources and its home, at a simulated time.

    Args:
        folder: an empty folder to work in.
        homes: homes that readings and prices are taken from.
        span: the days.
        url: address of the sources.
        client: asks them.
    """

    def __init__(self, folder: Path, homes: BenchHomes, span: Span, url: str, client: SourceClient) -> None:
        self.context = open_context(SITE, settings=settings_of_home(), home=folder)
        self._span, self._url, self._client = span, url, client
        begin = day_bounds(span.first, ZONE)[0]
        self.clock = SimulatedClock(begin=begin)
        chance = random.Random(span.seed)  # noqa: S311 - no secret
        house, market = _house(homes, span), _market(homes, span)
        prices = {at: round(price * 1000 / RATE, 2) for at, price in market.iter_rows()}
        late = {span.first + timedelta(days=number): hours for number, hours in span.late.items()}
        self.sources = FaultySources(lambda at: prices[slot_of(at)], self.clock.now, chance, late)
        planned: list[tuple[datetime, datetime, HomeFault]] = [
            (begin + timedelta(hours=after), begin + timedelta(hours=after + hours), name)
            for after, hours, name in span.outages
        ]
        self.inverter = FaultyInverter(seconds=self.clock.monotonic, written=lambda _entity, _value: None)
        self.home = SimulatedHome(self.context.site, self.clock, self.inverter, house, HomeFaults(chance, planned))
        self._prices = pl.DataFrame(
            {"slot_start": list(prices), "true_price": [price * RATE / 1000 for price in prices.values()]},
            schema_overrides={"slot_start": market.schema["slot_start"]},
        )
        _fill(self.context, self._prices, house, span)
        priced = self.context.site.tariff.with_prices(self._prices.rename({"true_price": "price"}), ZONE)
        both = priced.select("slot_start", "import_price", "export_price").iter_rows()
        truth = Truth(
            {start: (bought, sold) for start, bought, sold in both},
            self.home.true_load,
            self.home.soc_percent,
            self.sources.published,
        )
        self.judge = Judge(self.context, truth)
        self.result = ServiceDays(self.judge.found, LakeJudgement(0, 0, 0, 0, 0, ()))
        self.guard = SimulatedGuard(service_folder(self.context.home, SITE), self.inverter, self.clock)
        service_folder(self.context.home, SITE).mkdir(parents=True, exist_ok=True)
        self._last_away = self.clock.monotonic() - 2 * SETTLED_SECONDS
        self._judged: datetime | None = None
        self._start()

    def _start(self) -> None:
        """Start the service: what it knows is what its state folder says."""
        self.feed = HomeFeed(self.context, clock=self.clock, client=self.home)
        self.engine = PlannerEngine(self.context, clock=self.clock, live=self.feed)
        self.engine.add_listener(lambda _context, _status, _following, plan: self.judge.judge_plan(plan))
        self.prices = PriceFeed(self.context, self.clock, opened=self._opened)
        self.weather = WeatherFeed(self.context, self.clock, fetch=self._fetch_weather)
        controlled = ControlledHome(
            settings=self.context.site_settings.home_assistant,
            discharge_kw=self.context.site.battery.discharge_kw,
            timezone=ZONE,
            folder=service_folder(self.context.home, SITE),
        )
        self.controller = Controller(
            controlled,
            self.clock,
            self.engine.command,
            client=self.inverter,
            wait=self._wait,
            guards=self.guard,
            uptime=self.clock.monotonic,
        )
        self._next_readings = self.clock.now()

    def _fetch_weather(self, context: Context):  # noqa: ANN202 - as `fetch_forecasts`
        return fetch_forecasts(context, clock=self.clock.now, client=self._client)

    @contextmanager
    def _opened(self, context: Context) -> Generator[Sources]:
        every = services_at(self._url)
        rates = Rates(context.home, context.site_settings.currency, self._client, urls=(self._url, self._url))
        yield Sources(services=[every[name] for name in ORDER], client=self._client, rates=rates)

    def run(self) -> ServiceDays:
        """Let the days go by."""
        end = day_bounds(self._span.last, ZONE)[1]
        restart = self.clock.now() + timedelta(hours=RESTART_HOURS)
        while (now := self.clock.now()) < end:
            if now >= restart:
                restart = now + timedelta(hours=RESTART_HOURS)
                self.result.restarts += 1
                self._start()
            self._step(now)
            self._wait(STEP_SECONDS)
        self._conclude()
        return self.result

    def _step(self, now: datetime) -> None:
        """Have every part do what its thread would do now."""
        second = int((now - self.clock.begin).total_seconds())
        if self.inverter.fault is not None:
            self._last_away = self.clock.monotonic()
        if second % SOC_SECONDS == 0:
            self.feed.poll()
        if now >= self._next_readings:
            read = self.feed.sync()
            self._next_readings = slot_of(now) + SLOT + READINGS_AFTER if read else now + timedelta(minutes=1)
        if second % PRICES_SECONDS == 0:
            self.prices.check()
        if second % WEATHER_SECONDS == 0:
            self.weather.check()
        self.engine.check()
        with suppress(HomeAssistantError):  # the thread would log it and go on
            self.controller.step()
        self._judge_slot(now)

    def _judge_slot(self, now: datetime) -> None:
        """Judge each slot once, five minutes after it began."""
        start = slot_of(now)
        if self._judged == start or now < start + timedelta(minutes=5):
            return
        self._judged = start
        command = self.engine.command()
        self.judge.judge_slot(self.engine.plan(), command, now)
        wanted = (command.charge_kw, command.discharge_kw)
        held = tuple(self.inverter.values[name] / 1000 for name in (CHARGE, DISCHARGE))
        if max(abs(a - b) for a, b in zip(wanted, held, strict=True)) <= 0.05:  # noqa: PLR2004 - 50 W
            self.result.steered += 1
        elif self.clock.monotonic() - self._last_away < SETTLED_SECONDS:
            self.result.out_of_reach += 1
        else:
            words = f"{now:%m-%d %H:%M} wanted {wanted}, stands at {held}"
            self.result.unsteered.append(f"{words}: {self.controller.status().problem}")

    def _wait(self, seconds: float) -> bool:
        """Let time go by for the home and the guard."""
        self.clock.seconds += seconds
        self.home.tick()
        self.guard.tick()
        return False

    def _conclude(self) -> None:
        flows = pl.DataFrame(self.home.slots, schema_overrides={"slot_start": self._prices.schema["slot_start"]})
        self.result.lake = judge_lake(self.context, self._prices, flows, self._span.first, self._span.last)
        self.result.faults.update(self.sources.counts)
        self.result.faults.update(self.home.faults.counts)


def simulate(folder: Path, homes: BenchHomes, span: Span) -> ServiceDays:
    """Let the days of a span go by for a service.

    Args:
        folder: an empty folder to work in.
        homes: homes that readings and prices are taken from.
        span: the days.
    """
    with source_server() as server, SourceClient(retries=AT_ONCE, pace=Pace(0), seconds=5) as client:
        addresses = {name: f"{server.url}/{name}" for name in ADDRESSES}
        with patch.dict(ADDRESSES, addresses):
            service = SimulatedService(folder, homes, span, server.url, client)
            server.answer = service.sources.answer
            return service.run()


def _house(homes: BenchHomes, span: Span) -> pl.DataFrame:
    """Return load and PV of the days and of those before, without a gap."""
    slots = grid(span.first - timedelta(days=READING_DAYS), span.last, ZONE)
    joined = slots.join(homes.history(homes.villa), on="slot_start", how="left").sort("slot_start")
    filled = pl.col("load_kwh", "pv_kwh").fill_nan(None).fill_null(strategy="forward").fill_null(0.0)
    return joined.select("slot_start", filled)


def _market(homes: BenchHomes, span: Span) -> pl.DataFrame:
    """Return the prices of the days and of those before."""
    slots = grid(span.first - timedelta(days=PRICE_DAYS), span.last + timedelta(days=1), ZONE)
    joined = slots.join(homes.all_prices(homes.price_areas[0]), on="slot_start", how="left").sort("slot_start")
    return joined.select("slot_start", pl.col("price").fill_null(strategy="forward"))


def _fill(context: Context, prices: pl.DataFrame, house: pl.DataFrame, span: Span) -> None:
    """Put what the home has from before into its lake."""
    yesterday = span.first - timedelta(days=1)
    for table, days, frame in (
        (RAW_SPOT_PRICES, PRICE_DAYS, prices.rename({"true_price": "price"})),
        (METER_READINGS, READING_DAYS, house),
    ):
        local = list(days_between(span.first - timedelta(days=days), yesterday))
        rows = grid(local[0], local[-1], ZONE).join(frame, on="slot_start")
        context.lake.write_days(table, SITE, local, as_imported(table, rows, SITE))
