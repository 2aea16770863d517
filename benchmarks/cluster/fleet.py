"""A fleet of synthetic homes from raw readings to the verdict on one machine: processor time, memory and files.

The homes' day is graded, forecast, replayed and verified through the shards of `darkstar fleet backfill`; the week
before it, which forecasts and scenarios rest on, is imported only. Times are processor time by stage, of all shards.
"""

import os
import resource
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from assets.fleet.backfill import backfill_fleet, fleet_shards
from benchmarks.harness.results import Row, Scope
from darkstar_pipeline.config.settings import load_settings
from darkstar_pipeline.evaluation.fleet_verdict import fleet_verdict
from darkstar_pipeline.fleet.homes_file import fleet_of, open_homes
from darkstar_pipeline.fleet.lake import fleet_lake
from darkstar_pipeline.sample.fleet.make_fleet import FIRST_DAY, FleetRecipe, make_fleet

HOMES, SHORT_HOMES = 10_000, 100
DAYS_BEFORE = 8
MOST_MILLISECONDS, MOST_GIGABYTES, MOST_FILES = 8.0, 4.0, 300
PLANNED = ("oracle", "value")


def run(scope: Scope) -> list[Row]:
    """Backfill a day of a fleet and judge it."""
    homes = scope.fleet_homes or scope.of(HOMES, SHORT_HOMES)
    day = FIRST_DAY + timedelta(days=DAYS_BEFORE)
    with TemporaryDirectory() as folder:
        state, configuration = Path(folder) / "state", Path(folder) / "darkstar.yaml"
        with mock.patch.dict(os.environ, {"DARKSTAR_CONFIG": str(configuration), "DARKSTAR_HOME": str(state)}):
            recipe = FleetRecipe(
                homes=homes, days=DAYS_BEFORE + 1, seed=18, first=FIRST_DAY, charged_share=scope.charged_share
            )
            make_fleet(recipe, configuration, state, quarantine=state / "quarantine", progress=None)
            settings = load_settings(configuration)
            shards = fleet_shards(settings, state, day, day)
            report = backfill_fleet(shards)
            lake = fleet_lake(fleet_of(settings), state)
            verdict = fleet_verdict(open_homes(settings, state), lake, day, day, most_worst=5)
        written = len(list((state / "fleet" / "lake").glob(f"*/day={day}/*/*.parquet")))
    per_day = {stage: 1000 * seconds / report.home_days for stage, seconds in report.seconds.items()}
    planned = sum(per_day[stage] for stage in PLANNED)
    memory = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1e6
    return [
        Row("home_days", report.home_days),
        Row("homes_left_out", len(report.left_out)),
        Row("oracle_and_value", planned, "ms", f"<= {MOST_MILLISECONDS:g}", planned <= MOST_MILLISECONDS, "whole"),
        Row("all_stages", sum(per_day.values()), "ms"),
        *(Row(f"stage_{stage.replace(' ', '_')}", spent, "ms") for stage, spent in sorted(per_day.items())),
        Row("memory_of_a_process", memory, "GB", f"<= {MOST_GIGABYTES:g}", memory <= MOST_GIGABYTES),
        Row("files_of_the_day", written, "", f"<= {MOST_FILES}", written <= MOST_FILES),
        Row("buckets", lake.buckets),
        Row("shards", report.shards),
        Row("homes_judged", verdict.homes),
    ]
