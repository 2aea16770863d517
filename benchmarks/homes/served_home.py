"""A home on today's calendar and its service: a bench home's readings moved by whole weeks, prices to tomorrow."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import polars as pl

from benchmarks.homes.bench_homes import BenchHomes
from benchmarks.homes.fresh_home import BATTERY, FreshHome

ZONE = "Europe/Stockholm"
AREA, SITE = "SE4", "bench"
DAYS = 75
TOKEN = "a token of the benchmarks, of nothing else"  # noqa: S105 - of nothing but benchmarks
WEEK = timedelta(days=7)
READY_SECONDS = 120.0
UPPER_RUNGS = ("champion", "value", "mpc")


def moment(day: date | None = None, hour: int = 13, minute: int = 5) -> datetime:
    """Return five past one today, when tomorrow's prices are out and plans are longest, or another moment."""
    today = datetime.now(ZoneInfo(ZONE)).date() if day is None else day
    return datetime(today.year, today.month, today.day, hour, minute, tzinfo=ZoneInfo(ZONE))


def moved_data(homes: BenchHomes, at: datetime, days: int = DAYS) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return readings up to a moment and prices to the end of the next day, so many days, moved by whole weeks."""
    readings, prices = homes.readings(homes.served), homes.prices(AREA)
    midnight = datetime(at.year, at.month, at.day, tzinfo=ZoneInfo(ZONE))
    end, at = (midnight + timedelta(days=2)).astimezone(UTC), at.astimezone(UTC)
    last: datetime = prices["slot_start"].to_list()[-1]
    weeks = -((last - end) // WEEK)
    readings, prices = (frame.with_columns(pl.col("slot_start") + weeks * WEEK) for frame in (readings, prices))
    since = end - timedelta(days=days)
    return (
        readings.filter(pl.col("slot_start").is_between(since, at, closed="left"))
        .filter(pl.col("slot_start") + timedelta(minutes=15) <= at)
        .with_columns(pl.col("pv_kwh").fill_null(0.0)),
        prices.filter(pl.col("slot_start").is_between(since, end, closed="left")),
    )


@contextmanager
def served_home(homes: BenchHomes, at: datetime, *, champion: bool = True, days: int = DAYS) -> Iterator[FreshHome]:
    """Make a folder with that home, graded, and a champion that was trained on it where one is wanted.

    Args:
        homes: homes that it is taken from.
        at: the moment that readings end at.
        champion: whether a version is trained and promoted; that needs all days.
        days: days that it has.
    """
    with TemporaryDirectory(prefix="darkstar-served-") as name:
        home = FreshHome(Path(name))
        readings, prices = moved_data(homes, at, days)
        readings.write_parquet(home.folder / "observations.parquet")
        prices.write_parquet(home.folder / "prices.parquet")
        home.run("init", "--site", SITE, "--area", AREA, *BATTERY, "--yes")
        configure(home, "poll_seconds", "1.0")
        home.run("import", "observations", "observations.parquet")
        home.run("import", "prices", "prices.parquet", "--area", AREA)
        yesterday = at.date() - timedelta(days=1)
        home.run("backfill", "--from", str(yesterday - timedelta(days=days - 10)), "--to", str(yesterday))
        if champion:
            train(home, at)
            home.run("models", "promote", "1")
        yield home


def train(home: FreshHome, at: datetime, *, offset: float = 0.15) -> None:
    """Train a small version on the days before the last; another offset of corrections is another version."""
    first, last = at.date() - timedelta(days=DAYS - 12), at.date() - timedelta(days=3)
    small = ("--set", "rounds=1", "--set", "passes=1", "--set", "trees=40", "--set", f"offset={offset}")
    home.run("train", "lightgbm", "--from", str(first), "--to", str(last), *small)


def configure(home: FreshHome, key: str, value: str) -> None:
    """Change the value of one key of the configuration, in its line."""
    path = home.folder / "darkstar.yaml"
    lines = path.read_text().splitlines()
    number = next(index for index, line in enumerate(lines) if line.strip().startswith(f"{key}:"))
    indent = lines[number][: len(lines[number]) - len(lines[number].lstrip())]
    lines[number] = f"{indent}{key}: {value}"
    path.write_text("\n".join(lines) + "\n")


@dataclass
class Serving:
    """The service of a home as a process.

    Attributes:
        process: process of the service.
        client: HTTP client with the token.
        began: start of the process on the performance counter [s].
    """

    process: "subprocess.Popen[bytes]"
    client: httpx2.Client
    began: float

    @property
    def url(self) -> str:
        """Address of the service."""
        return str(self.client.base_url)

    def plan(self) -> dict[str, Any]:
        """Return the plan in force."""
        return self.client.get("/plan").raise_for_status().json()

    def until_planned(self, seconds: float = READY_SECONDS) -> tuple[float, dict[str, Any]]:
        """Wait for a verified plan of its own and return the seconds since the start, and the plan.

        Raises:
            TimeoutError: there is none in time.
        """
        while time.perf_counter() - self.began < seconds:
            try:
                if self.client.get("/ready").json()["ready"]:
                    return time.perf_counter() - self.began, self.plan()
            except httpx2.TransportError:
                time.sleep(0.02)
            else:
                time.sleep(0.02)
        raise TimeoutError


@contextmanager
def serving(home: FreshHome, at: datetime | None = None, **variables: str) -> Iterator[Serving]:
    """Run the service of a home; it is killed at the end.

    Args:
        home: home of the service.
        at: moment that it starts at; None is now.
        variables: further environment variables.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-P", "-m", "darkstar_pipeline.cli", "serve", "--port", str(port)]
    command += [] if at is None else ["--at", at.isoformat()]
    environment = {
        **os.environ,
        "DARKSTAR_HOME": str(home.state),
        "DARKSTAR_CONFIG": str(home.folder / "darkstar.yaml"),
        "DARKSTAR_TOKEN": TOKEN,
        **variables,
    }
    began = time.perf_counter()
    with (home.folder / "serve.log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)  # noqa: S603 - our own command
    headers = {"authorization": f"Bearer {TOKEN}"}
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as client:
            yield Serving(process, client, began)
    finally:
        process.kill()
        process.wait()
