"""A state folder as days of use leave it, made day by day in simulated time: real stores, and files of measured size.

Runs of Dagster and MLflow, versions and their promotion are real ones, dated back in the stores. Plans, logs and
checkpoints are files of the size that was measured, which take no room on the disk; the lake's days are small files.
"""

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg

from benchmarks.homes.made_bundle import save_made_bundle
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.context import DAGSTER_FOLDER, LAKE_FOLDER, MLFLOW_FOLDER, Context, open_context
from darkstar_pipeline.models.promotion import promote
from darkstar_pipeline.models.registry import register_model
from darkstar_pipeline.models.training_run import TrainingRun
from darkstar_pipeline.models.version import RegisteredModel
from darkstar_pipeline.orchestration.instance import open_instance
from darkstar_pipeline.tracking.mlflow_store import DATABASE, EVALUATIONS, log_values, open_store
from darkstar_pipeline.warehouse.schemas import TABLES

SITE = "home"
PLAN_BYTES, PLANS_A_DAY = 46_000, 240
"""A plan as it was measured; one a slot, and those of changed data, settings and overrides."""
LOG_BYTES_A_DAY = 3_000_000
CHECKPOINT_BYTES = 5_000_000
LAKE_BYTES_A_DAY = 65_000
"""Measured on the sample: 12.8 MB for 196 days."""
BUNDLE_BYTES = 2_000_000
EVENTS, EVENT_BYTES = 30, 56_000
"""A nightly run of three days has 0.63 MB of its own and 0.42 MB in the index, measured; one here stands for four."""
EVALUATION_BYTES = 120_000
STORES_EVERY = 2
"""Days from one run of Dagster and of MLflow to the next, each of which stands for those of that time."""
PROMOTED_EVERY = 4
"""Every fourth retrain promotes."""
_FIGURES = {"cost": 1.0, "days": 1.0, "captured_share": 1.0, "breaches": 0.0}
_DAGSTER_TIME = "%Y-%m-%d %H:%M:%S.%f"


@dg.op(config_schema={"event_bytes": int})
def _materialize(context: dg.OpExecutionContext) -> None:
    for number in range(EVENTS):
        text = dg.MetadataValue.text("x" * context.op_config["event_bytes"])
        context.log_event(dg.AssetMaterialization(asset_key=f"asset_{number}", metadata={"rows": text}))


@dg.job
def _nightly() -> None:
    _materialize()


@dataclass
class SimulatedState:
    """A state folder, to which day after day is added.

    Attributes:
        home: the state folder.
        retention: settings of retention.
        days: number of days so far.
        versions: number of versions so far.
    """

    home: Path
    retention: dict[str, object] = field(default_factory=dict[str, object])
    days: int = 0
    versions: int = 0

    def context(self) -> Context:
        """Return the context of the site."""
        settings = Settings.model_validate({"sites": {SITE: {}}, "retention": self.retention})
        return open_context(SITE, settings=settings, home=self.home)

    def add_day(self, at: datetime) -> None:
        """Add what a day leaves, and on Mondays what a retrain leaves.

        Args:
            at: noon of the day (UTC).
        """
        self._add_files(at)
        if self.days % STORES_EVERY == 0:
            self._add_dagster_run(at)
            self._add_evaluation(at)
        if at.weekday() == 0:
            self._add_version(at)
        self.days += 1

    def lost_days(self) -> int:
        """Return the number of days of the lake's tables that were added and are gone."""
        days = [noon(number).date() for number in range(self.days)]
        return sum(not self._part(table, day).exists() for table in TABLES for day in days)

    def _part(self, table: str, day: date) -> Path:
        return self.home / LAKE_FOLDER / table / f"site={SITE}" / f"day={day.isoformat()}" / "part.parquet"

    def _add_files(self, at: datetime) -> None:
        """Add plans, logs, a picture, refused rows, a checkpoint now and then, and the lake's day."""
        day, service = at.date().isoformat(), self.home / "service" / SITE
        _sparse(service / "plans" / day / "plans.json", PLAN_BYTES * PLANS_A_DAY, at)
        log = self.home / "logs" / "planner.log"
        _sparse(log, (log.stat().st_size if log.exists() else 0) + LOG_BYTES_A_DAY, at)
        _sparse(self.home / "pictures" / f"{SITE}-{day}.png", 50_000, at)
        _sparse(self.home / "quarantine" / f"{day}.csv", 10_000, at)
        if at.day == 1:
            _sparse(self.home / "models" / SITE / "unfinished" / f"rl-{day}" / "member_0", CHECKPOINT_BYTES, at)
        for table in TABLES:
            _sparse(self._part(table, at.date()), LAKE_BYTES_A_DAY // len(TABLES), at)

    def _add_dagster_run(self, at: datetime) -> None:
        """Run a job, and date the run back."""
        config = {
            "ops": {"_materialize": {"config": {"event_bytes": EVENT_BYTES}}},
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        }
        with open_instance(self.home) as instance:
            run_id = _nightly.execute_in_process(instance=instance, run_config=config).run_id
        with closing(sqlite3.connect(self.home / DAGSTER_FOLDER / "history" / "runs.db")) as store, store:
            change = "UPDATE runs SET create_timestamp = ? WHERE run_id = ?"
            store.execute(change, (at.strftime(_DAGSTER_TIME), run_id))

    def _add_evaluation(self, at: datetime) -> None:
        """Log an evaluation with its policies' runs."""
        client, experiments = open_store(self.home)
        begun = int(at.timestamp() * 1000)
        for number in range(6):
            run = client.create_run(experiments[EVALUATIONS], start_time=begun)
            log_values(client, run.info.run_id, _FIGURES, {"policy": number})
            if number == 0:
                client.log_text(run.info.run_id, "x" * EVALUATION_BYTES, "days.csv")
            client.set_terminated(run.info.run_id)

    def _add_version(self, at: datetime) -> None:
        """Register a version as a retrain does, date it back, and promote every fourth."""
        context = self.context()
        self.versions += 1
        folder = self.home.parent / f"bundle_{self.versions}"
        save_made_bundle(context, folder, self.versions, BUNDLE_BYTES)
        window = (at.date() - timedelta(days=60), at.date())
        version = register_model(context, folder, TrainingRun(train=window, artifacts={"curve.png": b"x" * 200_000}))
        begun = int(at.timestamp() * 1000)
        with closing(sqlite3.connect(self.home / MLFLOW_FOLDER / DATABASE)) as store, store:
            name = RegisteredModel.of(context).name
            change = "UPDATE model_versions SET creation_time = ? WHERE name = ? AND version = ?"
            store.execute(change, (begun, name, version))
        os.utime(RegisteredModel.of(context).version_folder(version), (at.timestamp(), at.timestamp()))
        if self.versions % PROMOTED_EVERY == 1:
            promote(context, version, actor="retrain", reason="cheaper", evidence={"promote": True, "reasons": ["x"]})


def _sparse(path: Path, size: int, at: datetime) -> None:
    """Make a file of a size, dated back."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.truncate(path, size)
    os.utime(path, (at.timestamp(), at.timestamp()))
    os.utime(path.parent, (at.timestamp(), at.timestamp()))


def noon(day: int) -> datetime:
    """Return noon of a day of the simulated year (UTC), which ends before what the stores date by the clock."""
    return datetime(2025, 1, 1, 12, 0, tzinfo=UTC) + timedelta(days=day)
