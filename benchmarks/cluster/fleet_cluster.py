"""A fleet on two real Ray nodes and an S3 server: the same bytes as serially, nodes killed or not, and at what cost.

A synthetic fleet goes from raw readings to the verdict three times through the `darkstar` command: serially in one
process on a folder; on the cluster and the S3 server; and there again while a node is killed at three random moments,
another taking its place. Processor times are of whole process trees, Ray's own processes included, the S3 server's not:
a store is bought. The overhead is what the cluster spends beside its shards' work (driver, Ray, starts of workers), and
what the lake costs in the store beyond what it costs in a folder, over the work. Both are of one run on the cluster,
since the same work takes more processor time beside other work than alone.
"""

import hashlib
import os
import random
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from benchmarks.cluster.s3_process import S3Process, s3_process
from benchmarks.cluster.two_nodes import TwoNodes
from benchmarks.harness.results import Row, Scope
from benchmarks.homes.fresh_home import CommandFailedError, FreshHome
from darkstar_pipeline.warehouse.buckets.object_store import open_store

HOMES, DAYS, BUCKETS = 200, 30, 4
SHORT_HOMES, SHORT_DAYS = 12, 4
CONFIGURATION = "darkstar.yaml"
STORE_STAGES = ("reading", "writing")
POLICIES = {"defaults": {"policies": ["idle", "value"]}}
SEED, KILLS = 18, 3
MOST_OVERHEAD = 0.15
_POLL_SECONDS = 0.05


def run(scope: Scope) -> list[Row]:
    """Run the fleet serially, on the cluster, and on a cluster whose nodes are killed."""
    homes, days = scope.of(HOMES, SHORT_HOMES), scope.of(DAYS, SHORT_DAYS)
    with TemporaryDirectory() as temporary, s3_process() as s3, _environment(s3.environment()):
        folder = Path(temporary)
        fleet = _Fleet(folder, homes, days)
        serial = fleet.made("serial", str(folder / "lake"), {"kind": "local", "workers": 1})
        alone = fleet.worked(serial)
        expected, verdict = _objects(str(folder / "lake")), fleet.verdict(serial)
        with TwoNodes() as nodes:
            place = s3.new_place("fleet-calm")
            calm = fleet.made("calm", place, {"kind": "ray", "address": nodes.address})
            before, asked, served = nodes.seconds_by_kind(), s3.requests(), s3.processor_seconds()
            driver = fleet.worked(calm)
            workers, daemons = (now - then for now, then in zip(nodes.seconds_by_kind(), before, strict=True))
            asked, served = s3.requests() - asked, s3.processor_seconds() - served
            same = _objects(place) == expected and fleet.verdict(calm) == verdict
            place = s3.new_place("fleet-killed")
            killed = fleet.made("killed", place, {"kind": "ray", "address": nodes.address})
            kills = _killed_meanwhile(fleet.started(killed), nodes, s3, asked["PUT"])
            same_after = _objects(place) == expected and fleet.verdict(killed) == verdict
    home_days = alone["answer"]["home_days"]
    work, moved = _stages(driver["answer"])
    engine = driver["seconds"] + workers + daemons - work - moved
    overhead = (engine + moved - _stages(alone["answer"])[1]) / work
    size = sum(length for length, _ in expected.values())
    return [
        Row("home_days", home_days),
        Row("equal_to_serial", float(same), "", target="1", met=same),
        Row("equal_after_killed_nodes", float(same_after), "", target="1", met=same_after),
        Row("nodes_killed_at_work", kills, "", target=f"{KILLS}", met=kills == KILLS, applies="whole"),
        Row("overhead", overhead, "", f"<= {MOST_OVERHEAD}", overhead <= MOST_OVERHEAD, applies="whole"),
        Row("engine_seconds", engine, "s"),
        Row("store_seconds", moved, "s"),
        Row("folder_seconds", _stages(alone["answer"])[1], "s"),
        Row("work_seconds", work, "s"),
        Row("serial_processor_seconds", alone["seconds"], "s"),
        Row("driver_seconds", driver["seconds"], "s"),
        Row("daemons_seconds", daemons, "s"),
        Row("worker_start_seconds", workers - work - moved, "s"),
        Row("serial_milliseconds_a_home_day", 1000 * alone["seconds"] / home_days, "ms"),
        Row("serial_peak_memory", alone["peak"] / 2**30, "GiB"),
        Row("shards", driver["answer"]["shards"]),
        Row("objects", len(expected)),
        Row("bytes_a_home_day", size / home_days, "B"),
        Row("gets_a_home_day", asked["GET"] / home_days),
        Row("puts_a_home_day", asked["PUT"] / home_days),
        Row("lists_a_home_day", asked["LIST"] / home_days),
        Row("s3_server_processor_seconds", served, "s"),
    ]


class _Fleet:
    """A synthetic fleet, made and worked on in folders of its own."""

    def __init__(self, folder: Path, homes: int, days: int) -> None:
        self._folder, self._homes, self._days = folder, homes, days
        self._span: tuple[str, ...] = ()

    def made(self, name: str, place: str, engine: Mapping[str, object]) -> FreshHome:
        """Make the fleet with its readings, anew and always the same."""
        home = FreshHome(self._folder / name)
        home.folder.mkdir()
        (home.folder / CONFIGURATION).write_text(
            yaml.safe_dump(
                {"engine": dict(engine), "fleet": {**self._classes, **POLICIES, "lake": place, "buckets": BUCKETS}}
            )
        )
        made = home.run("fleet", "sample", "--homes", str(self._homes), "--days", str(self._days)).answer
        self._span = ("--from", made["first"], "--to", made["last"])
        return home

    @cached_property
    def _classes(self) -> dict[str, Any]:
        """The classes of tariffs that the homes name, as the command adds them to a configuration."""
        home = FreshHome(self._folder / "classes")
        home.folder.mkdir()
        home.run("fleet", "sample", "--homes", "1", "--days", "1")
        return yaml.safe_load((home.folder / CONFIGURATION).read_text())["fleet"]

    def worked(self, home: FreshHome) -> dict[str, Any]:
        """Backfill every day; return the command's answer, its processor time [s] and its peak memory [B]."""
        done = home.run("fleet", "backfill", *self._span)
        return {"answer": done.answer, "seconds": done.processor_seconds, "peak": done.peak_bytes}

    def started(self, home: FreshHome) -> "Any":  # noqa: ANN401 - a process of text
        """Begin a backfill."""
        return home.start("fleet", "backfill", *self._span)

    def verdict(self, home: FreshHome) -> dict[str, Any]:
        """Return what the policies cost and saved, read from the fleet's lake."""
        return home.run("fleet", "evaluate", *self._span).answer


def _stages(answer: Mapping[str, Any]) -> tuple[float, float]:
    """Return the processor time of a backfill's shards: of their work, and of reading and writing the lake [s]."""
    spent = answer["processor_seconds"]
    moved = sum(spent[stage] for stage in STORE_STAGES)
    return sum(spent.values()) - moved, moved


def _killed_meanwhile(process: Any, nodes: TwoNodes, s3: S3Process, puts: int) -> int:  # noqa: ANN401
    """Kill a node each time a random share of the work is written; return how many were killed before its end.

    Raises:
        CommandFailedError: the work failed.
    """
    draw = random.Random(SEED)  # noqa: S311 - moments, not secrets
    moments, kills = sorted(draw.uniform(0.05, 0.9) for _ in range(KILLS)), 0
    first = s3.requests()["PUT"]
    while process.poll() is None:
        if kills < KILLS and s3.requests()["PUT"] - first >= moments[kills] * puts:
            nodes.kill(draw.randrange(1000))
            kills += 1
        time.sleep(_POLL_SECONDS)
    if process.returncode != 0:
        message = f"the backfill ended with {process.returncode} after {kills} killed nodes"
        raise CommandFailedError(message)
    return kills


def _objects(place: str) -> dict[str, tuple[int, str]]:
    """Return the size and the hash of every object of a lake."""
    store = open_store(place)
    keys = [each.key for each in store.listed("") if each.key.endswith(".parquet")]
    found = store.get_many(keys)
    return {key: (len(each.data), hashlib.sha256(each.data).hexdigest()) for key, each in found.items()}


@contextmanager
def _environment(variables: Mapping[str, str]) -> Generator[None]:
    """Set variables, for this process and those that it starts, as long as the block lasts."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
