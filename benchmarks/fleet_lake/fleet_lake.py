"""A fleet's lake in a folder and on an S3 server of this machine: requests, bytes, processor time, and what is lost.

The server (moto) is a process of its own, whose time is not counted: it is slower than any that one would run. A day
of a million homes is listed on a server that only lists.
"""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.fleet_lake.fleet_rows import DAILY_TABLES, rows_of
from benchmarks.fleet_lake.s3_server import COUNTS_PATH
from benchmarks.harness.results import Row, Scope
from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake
from darkstar_pipeline.warehouse.buckets.object_store import open_store
from darkstar_pipeline.warehouse.schemas import METER_READINGS

DAY, DAYS, LISTING_LATENCY = date(2026, 1, 1), 30, 0.02
HOMES_A_BUCKET, WRITERS, REQUESTS = 200, 8, ("GET", "PUT", "HEAD", "LIST")
LISTED_HOMES_SECONDS = 5.0


@dataclass(frozen=True)
class Spent:
    """Cost of some work."""

    processor_seconds: float
    requests: int
    megabytes: float


@dataclass(frozen=True)
class Measured:
    """A lake, and how much was asked of its server until now."""

    lake: BucketLake
    counts: Callable[[], dict[str, int]]

    def spent(self, work: Callable[[], object]) -> Spent:
        """Do some work and return what it took."""
        before, begin = self.counts(), time.process_time()
        work()
        seconds, after = time.process_time() - begin, self.counts()
        moved = {name: after.get(name, 0) - before.get(name, 0) for name in after}
        asked = sum(moved.get(name, 0) for name in REQUESTS)
        return Spent(seconds, asked, (moved.get("bytes_in", 0) + moved.get("bytes_out", 0)) / 1e6)


def run(scope: Scope) -> list[Row]:
    """Measure both places on the same rows."""
    sites = [f"home-{i:06d}" for i in range(scope.of(HOMES_A_BUCKET, 50))]
    with TemporaryDirectory(prefix="darkstar-fleet-lake-") as folder, _process("s3_server", "0") as endpoint:
        os.environ |= {"AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench"}
        _ask(f"{endpoint}/fleet", method="PUT")
        places = {
            "folder": Measured(BucketLake(open_store(Path(folder)), 1), dict),
            "s3": Measured(
                BucketLake(open_store("s3://fleet/lake"), 1), lambda: json.loads(_ask(endpoint + COUNTS_PATH))
            ),
        }
        spent = {name: _work(place, sites, scope.of(DAYS, 5)) for name, place in places.items()}
        rows = [row for name in places for row in _rows_of(name, spent[name])]
        whole = {name: sum(each.processor_seconds for each in works.values()) for name, works in spent.items()}
        rows.append(Row("s3_over_folder", whole["s3"] / whole["folder"], "x"))
        rows += _meeting(places["s3"], sites) + _beside_a_writer(places["s3"], sites, scope.of(200, 40))
    return [*rows, *_listing()]


def _work(place: Measured, sites: list[str], n_days: int) -> dict[str, Spent]:
    """Do what a fleet does: a backfilled day, a bucket and a home read, a home's day replaced, readings that come."""
    lake, days = place.lake, [DAY + timedelta(days=i) for i in range(n_days)]
    frames = {table: rows_of(table, sites, DAY) for table in DAILY_TABLES}
    own = {table: rows_of(table, sites[:1], DAY) for table in DAILY_TABLES}
    readings = [rows_of(METER_READINGS, sites, day) for day in days]

    def history() -> None:
        for day, frame in zip(days, readings, strict=True):
            lake.write_days(METER_READINGS, 0, [day], frame)

    def arriving() -> None:
        lake.replace_sites(METER_READINGS, 0, [DAY], readings[0], sites)

    works: dict[str, Callable[[], object]] = {
        "write_bucket_day": lambda: [lake.write_days(table, 0, [DAY], frame) for table, frame in frames.items()],
        "read_bucket_day": lambda: [lake.read(table, 0, DAY, DAY) for table in frames],
        "replace_home_day": lambda: [
            lake.replace_sites(table, 0, [DAY], frame, sites[:1]) for table, frame in own.items()
        ],
        "write_history": history,
        "read_home_history": lambda: lake.site(sites[7]).read(METER_READINGS, sites[7], days[0], days[-1]),
        "days_of_home": lambda: lake.site(sites[7]).days(METER_READINGS, sites[7]),
        "readings_arrive": arriving,
    }
    return {name: place.spent(work) for name, work in works.items()}


def _rows_of(place: str, spent: dict[str, Spent]) -> list[Row]:
    rows = [Row(f"{place}_{name}", each.processor_seconds, "s cpu") for name, each in spent.items()]
    if place == "folder":
        return rows
    rows += [Row(f"{place}_{name}_requests", each.requests) for name, each in spent.items()]
    return rows + [Row(f"{place}_{name}_moved", each.megabytes, "MB") for name, each in spent.items()]


def _meeting(place: Measured, sites: list[str]) -> list[Row]:
    """Let eight writers replace their own home of one object, and count what is lost and what it took."""
    homes = sites[:WRITERS]

    def write(site: str) -> None:
        own = BucketLake(open_store(place.lake.store.place), 1)
        for seed in range(1, 4):
            own.replace_sites(METER_READINGS, 0, [DAY], rows_of(METER_READINGS, [site], DAY, seed), [site])

    def all_write() -> None:
        with ThreadPoolExecutor(WRITERS) as threads:
            list(threads.map(write, homes))

    spent = place.spent(all_write)
    stored = place.lake.read(METER_READINGS, 0, DAY, DAY)
    lost = sum(
        not stored.filter(site=site).equals(rows_of(METER_READINGS, [site], DAY, 3).sort("site", *METER_READINGS.key))
        for site in homes
    )
    return [
        Row("meeting_writers_lost", lost, target="0", met=lost == 0),
        Row("meeting_writers_requests_a_write", spent.requests / (3 * WRITERS)),
    ]


def _beside_a_writer(place: Measured, sites: list[str], n_reads: int) -> list[Row]:
    """Read while a writer replaces the same objects as fast as it can; every read is of a whole version."""
    frames = [rows_of(METER_READINGS, sites, DAY, seed) for seed in (1, 2)]
    place.lake.write_days(METER_READINGS, 0, [DAY], frames[0])
    whole = [frame.sort("site", *METER_READINGS.key) for frame in frames]
    done: list[bool] = []

    def write() -> int:
        count = 0
        while not done:
            place.lake.write_days(METER_READINGS, 0, [DAY], frames[count % 2])
            count += 1
        return count

    with ThreadPoolExecutor(1) as threads:
        writes = threads.submit(write)
        reads = [place.lake.read(METER_READINGS, 0, DAY, DAY) for _ in range(n_reads)]
        good = sum(any(each.equals(frame) for frame in whole) for each in reads)
        done.append(True)
    return [
        Row("reads_beside_a_writer_good", good, "reads", target=f"{n_reads}", met=good == n_reads),
        Row("writes_meanwhile", writes.result()),
    ]


def _listing() -> list[Row]:
    """List a day of a million homes, one listing a table, all at once."""
    with _process("listing_server", str(LISTING_LATENCY)) as endpoint:
        os.environ["AWS_ENDPOINT_URL"] = endpoint
        lake = BucketLake(open_store("s3://fleet/lake"), 5000)
        begin, processor = time.perf_counter(), time.process_time()
        found = sum(lake.store.at_once(lambda table: len(lake.objects(table, DAY)), DAILY_TABLES))
        seconds, processor = time.perf_counter() - begin, time.process_time() - processor
    return [
        Row("listed_objects", found),
        Row("listing_of_1m_homes", seconds, "s", f"<= {LISTED_HOMES_SECONDS:g}", met=seconds <= LISTED_HOMES_SECONDS),
        Row("listing_of_1m_homes_processor", processor, "s cpu"),
    ]


@contextmanager
def _process(module: str, argument: str) -> Generator[str]:
    """Run a server of this folder in a process of its own; yields its address."""
    command = [sys.executable, "-m", f"benchmarks.fleet_lake.{module}", argument]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - our own
        assert server.stdout is not None  # noqa: S101 - it is a pipe
        try:
            yield server.stdout.readline().strip()
        finally:
            server.kill()


def _ask(address: str, method: str = "GET") -> bytes:
    with urllib.request.urlopen(urllib.request.Request(address, method=method), timeout=30) as answer:  # noqa: S310 - our own server
        return answer.read()
