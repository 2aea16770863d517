"""A home set up from a real Home Assistant on loopback that has recorded it for years.

`year_fetch` is `darkstar fetch readings` of a year of eight sensors, `first_plan` one `darkstar init --home-assistant
URL --start` in an empty folder: the sensors are found, two years of statistics fetched, 60 days repaired, graded and
replayed, and a plan made. Prices are made up and given at once, as by a source on loopback.
"""

import os
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import numpy as np

from benchmarks.fault_injection.real_home_assistant import RealHomeAssistant
from benchmarks.harness.results import Row, Scope
from benchmarks.recorded_home.recorded_assistant import recorded_assistant
from benchmarks.recorded_home.statistics_home import StatisticsHome, home_until_now
from darkstar_pipeline.cli import build
from darkstar_pipeline.config.sources.prices import PriceSource
from darkstar_pipeline.console.call import run as run_command
from darkstar_pipeline.context import Context
from darkstar_pipeline.fetching.client import SourceClient, open_client
from darkstar_pipeline.fetching.prices import session
from darkstar_pipeline.fetching.prices.fetch import Sources
from darkstar_pipeline.fetching.prices.question import Publication, Question
from darkstar_pipeline.fetching.prices.rates import Rates
from darkstar_pipeline.home_assistant_api.failures import TOKEN_VARIABLE
from darkstar_pipeline.sources.price_lists.recognition import offer_of_document

AREA = "SE3"
MOST_SECONDS, MOST_MB, MOST_PLAN_SECONDS = 60, 500, 90
YEARS, SHORT_DAYS = 2, 40


def run(scope: Scope) -> list[Row]:
    """Fetch a year, and set a home up from nothing."""
    days = SHORT_DAYS if scope.short else 365 * YEARS
    with TemporaryDirectory() as name:
        folder = Path(name)
        with recorded_assistant(folder / "ha", _home(days)) as assistant:
            year, plan = (
                _year_fetch(folder / "year", assistant, min(days, 365)),
                _first_plan(folder / "plan", assistant),
            )
    return [
        _row("year_fetch", year.seconds, "s", MOST_SECONDS),
        Row("year_fetch_processor", year.processor_seconds, "s"),
        _row("year_fetch_memory", year.peak_mb, "MB", MOST_MB),
        _row("first_plan", plan.seconds, "s", MOST_PLAN_SECONDS),
        Row("first_plan_processor", plan.processor_seconds, "s"),
        Row("first_plan_memory", plan.peak_mb, "MB"),
    ]


def _row(figure: str, value: float, unit: str, most: float) -> Row:
    return Row(figure, value, unit, f"<= {most} {unit}", value <= most, applies="whole")


def _home(days: int) -> StatisticsHome:
    """A home with a car that charges at night, and its eight sensors."""
    home = home_until_now(days)
    car = np.where(np.arange(24 * days) % 24 == 2, 5.0, 0.0)  # noqa: PLR2004 - at two
    flows = {**home.flows, "ev": car, "import": home.flows["import"] + car}
    return replace(home, flows=flows, sensors={**home.sensors, "ev": "sensor.wallbox_energy"})


@dataclass(frozen=True)
class _Spent:
    """The cost of a command, its start included."""

    seconds: float
    processor_seconds: float
    peak_mb: float


def _year_fetch(folder: Path, assistant: RealHomeAssistant, days: int) -> _Spent:
    """Fetch a year into an empty folder."""
    darkstar = Path(sys.executable).with_name("darkstar")
    _spend(folder, assistant, [str(darkstar), "init", "--home-assistant", assistant.url, "--area", AREA, "--yes"])
    first = datetime.now(UTC).date() - timedelta(days=days)
    return _spend(folder, assistant, [str(darkstar), "fetch", "readings", "--from", str(first)])


def _first_plan(folder: Path, assistant: RealHomeAssistant) -> _Spent:
    """Set a home up and plan, in one command."""
    words = ["init", "--home-assistant", assistant.url, "--area", AREA, "--yes", "--start"]
    program = f"from benchmarks.recorded_home.home_assistant import command; command({words!r})"
    return _spend(folder, assistant, [sys.executable, "-c", program])


def command(words: list[str]) -> None:
    """Run a command of `darkstar` whose prices are made up, in this process."""
    session.price_sources = made_sources
    sys.exit(run_command(build(), words))


def _spend(folder: Path, assistant: RealHomeAssistant, words: list[str]) -> _Spent:
    """Run a command in a folder and return what it cost.

    Raises:
        RuntimeError: it failed.
    """
    folder.mkdir(exist_ok=True)
    places = {"DARKSTAR_HOME": str(folder / "state"), "DARKSTAR_CONFIG": str(folder / "darkstar.yaml")}
    variables = {**os.environ, **places, TOKEN_VARIABLE: assistant.token, "PYTHONPATH": str(Path.cwd())}
    began = time.monotonic()
    with (folder / "output.log").open("wb") as log:
        process = subprocess.Popen(words, env=variables, cwd=folder, stdout=log, stderr=log)  # noqa: S603 - our own
        _, status, used = os.wait4(process.pid, 0)
    seconds = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError((folder / "output.log").read_text(errors="replace")[-3000:])
    return _Spent(round(seconds, 1), round(used.ru_utime + used.ru_stime, 1), round(used.ru_maxrss / 1024))


class _MadePrices:
    """A source that has prices of every day."""

    name: PriceSource = "nordpool"
    longest_days = 100

    def serves(self, area: str) -> bool:
        """Return whether it has prices of an area."""
        return area == AREA

    def ask(self, question: Question, client: SourceClient) -> Publication:
        """Return quarter-hours that rise and fall twice a day."""
        del client
        slots = [question.start + timedelta(minutes=15) * n for n in range(_slots(question.start, question.end))]
        zone = ZoneInfo(question.zone)
        entries = [
            {
                "SEK_per_kWh": round(0.6 + 0.4 * float(np.sin(at.timestamp() / 6_900)), 5),
                "EUR_per_kWh": 0.05,
                "EXR": 11.2,
                "time_start": at.astimezone(zone).isoformat(),
                "time_end": (at + timedelta(minutes=15)).astimezone(zone).isoformat(),
            }
            for at in slots
        ]
        offer = offer_of_document(entries, "made prices")
        if offer is None:
            raise AssertionError
        return Publication(offer=offer, asked_at=question.now, sha256="")


def _slots(start: datetime, end: datetime) -> int:
    return round((end - start) / timedelta(minutes=15))


@contextmanager
def made_sources(context: Context) -> Generator[Sources]:
    """Sources of prices that answer at once."""
    with open_client(context) as client:
        rates = Rates(context.home, context.site_settings.currency, client)
        yield Sources(services=[_MadePrices()], client=client, rates=rates)
