"""A fleet in Dagster: definitions by number of homes, what a partition costs in events, and a day of all buckets.

Definitions are loaded by a process of their own, as Dagster's servers do. A day is materialized in one run, in this
process; Dagster's share is the run's processor time less that of the same shards without it.
"""

import logging
import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg
import polars as pl

from assets.fleet.graph.backfill_plan import WRITTEN
from assets.fleet.graph.daily_results import worked_out
from assets.fleet.graph.partitions import RUN_PARTITIONS, Partition, group_keys
from benchmarks.harness.results import Row, Scope
from darkstar_pipeline.config.fleet.columns import HOMES_SCHEMA
from darkstar_pipeline.config.fleet.engine import EngineSettings
from darkstar_pipeline.config.settings import Settings, load_settings
from darkstar_pipeline.definitions import build_definitions
from darkstar_pipeline.engines.choice import on_engine
from darkstar_pipeline.fleet.homes_file import change_homes, fleet_of
from darkstar_pipeline.fleet.lake import fleet_lake
from darkstar_pipeline.orchestration.instance import open_instance
from darkstar_pipeline.sample.fleet.make_fleet import FIRST_DAY, FleetRecipe, make_fleet
from jobs.fleet import FLEET_REFRESH, day_tags, range_tags

SIZES, SHORT_SIZES = (1_000, 100_000, 1_000_000), (1_000, 20_000)
HOMES, SHORT_HOMES = 1_000, 40
SAMPLE_DAYS = 8
MOST_SECONDS = 3.0
POLICIES = ("idle", "self_consumption", "value")
_LOAD = """
import time
from darkstar_pipeline.definitions import defs
defs.get_repository_def().load_all_definitions()
print(time.process_time())
"""


def run(scope: Scope) -> list[Row]:
    """Load, count and materialize."""
    with TemporaryDirectory() as folder:
        rows = [_loaded(Path(folder) / str(homes), homes) for homes in scope.of(SIZES, SHORT_SIZES)]
        return [*rows, *_day(Path(folder) / "day", scope.of(HOMES, SHORT_HOMES))]


def _loaded(folder: Path, homes: int) -> Row:
    """Return the processor time of loading the definitions of a fleet."""
    folder.mkdir()
    (folder / "darkstar.yaml").write_text(f"fleet: {{buckets: {max(1, homes // 200)}}}\n", encoding="utf-8")
    names = pl.DataFrame({"site": [f"home-{number:07d}" for number in range(homes)], "tenant": "default"})
    others = [pl.lit(None, dtype).alias(name) for name, dtype in HOMES_SCHEMA.items() if name not in names.columns]
    change_homes(folder / "state", lambda _: names.with_columns(others).select(HOMES_SCHEMA.names()))
    command = [sys.executable, "-c", _LOAD]
    environment = {
        **os.environ,
        "DARKSTAR_CONFIG": str(folder / "darkstar.yaml"),
        "DARKSTAR_HOME": str(folder / "state"),
    }
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)  # noqa: S603 - ours
    seconds = float(answer.stdout)
    return Row(f"definitions_{homes}_homes", seconds, "s", target=f"<= {MOST_SECONDS}", met=seconds <= MOST_SECONDS)


def _day(folder: Path, homes: int) -> list[Row]:
    """Return what a day of all buckets takes, in Dagster and without."""
    folder.mkdir()
    config, state = folder / "darkstar.yaml", folder / "state"
    make_fleet(FleetRecipe(homes=homes, days=SAMPLE_DAYS, seed=0, first=FIRST_DAY), config, state, quarantine=folder)
    settings = _in_this_process(load_settings(config))
    first, second = (FIRST_DAY + timedelta(days=SAMPLE_DAYS - back) for back in (2, 1))
    groups = group_keys(fleet_of(settings).buckets)
    began = _cpu()
    with on_engine(lambda: settings.engine):
        worked_out(settings, state, [Partition(group, first) for group in groups])
    alone = _cpu() - began
    with open_instance(state) as instance:
        again = _run_seconds(settings, state, instance, day_tags(fleet_of(settings), first))
        fresh = _run_seconds(settings, state, instance, day_tags(fleet_of(settings), second))
        events = _events(settings, state, instance)
    lake = fleet_lake(fleet_of(settings), state)
    sizes = [each.size for table in WRITTEN for each in lake.objects(table, second).values()]
    return [
        Row("seconds_a_home_day", fresh / homes, "s"),
        Row("dagster_seconds_a_run", again - alone, "s"),
        Row("partitions", len(groups)),
        Row("files", len(sizes), target=f"{len(WRITTEN)} a bucket", met=len(sizes) == len(WRITTEN) * lake.buckets),
        Row("bytes_a_home_day", sum(sizes) / homes, "B"),
        *events,
    ]


def _in_this_process(settings: Settings) -> Settings:
    """Return the settings with shards in this process, whose time is measured, and without the slow policy `mpc`."""
    fleet = fleet_of(settings)
    defaults = fleet.defaults.model_copy(update={"policies": POLICIES})
    return settings.model_copy(
        update={"engine": EngineSettings(workers=1), "fleet": fleet.model_copy(update={"defaults": defaults})}
    )


def _run_seconds(settings: Settings, state: Path, instance: dg.DagsterInstance, tags: Mapping[str, str]) -> float:
    """Return the processor time of a run."""
    job = build_definitions(settings, state, loggers={"quiet": _quiet}).resolve_job_def(FLEET_REFRESH)
    began = _cpu()
    job.execute_in_process(instance=instance, tags=dict(tags), run_config={"loggers": {"quiet": {}}})
    return _cpu() - began


def _events(settings: Settings, state: Path, instance: dg.DagsterInstance) -> list[Row]:
    """Return what partitions cost by themselves: a month of a group, of days that nothing was imported for."""
    group = group_keys(fleet_of(settings).buckets)[0]
    first = FIRST_DAY - timedelta(days=100)
    asked = [Partition(group, first + timedelta(days=number)) for number in range(RUN_PARTITIONS)]
    began = _cpu()
    with on_engine(lambda: settings.engine):
        worked_out(settings, state, asked)
    alone = _cpu() - began
    tags = range_tags(asked[0], asked[-1])
    seconds = _run_seconds(settings, state, instance, tags) - alone
    run_id = instance.get_runs(limit=1)[0].run_id
    events = len(instance.get_records_for_run(run_id, limit=10_000).records)
    return [
        Row("events_a_partition", events / RUN_PARTITIONS),
        Row(
            "dagster_ms_a_partition",
            1000 * seconds / RUN_PARTITIONS,
            "ms",
            target="<= 20",
            met=seconds <= 0.02 * RUN_PARTITIONS,
        ),
    ]


def _cpu() -> float:
    """Return the processor time of this process and of those that it waited for [s]."""
    own, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime


@dg.logger
def _quiet(_: dg.InitLoggerContext) -> logging.Logger:
    """Tell nothing."""
    silent = logging.Logger("fleet_dagster")  # noqa: LOG001 - outside logging's tree
    silent.addHandler(logging.NullHandler())
    return silent
