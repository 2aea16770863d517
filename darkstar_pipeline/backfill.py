"""A range of days through Dagster, in this process: what `darkstar backfill` does.

Safe to repeat, since every asset replaces whole days; safe to interrupt, since a day is replaced whole or not at all,
and the next start marks the run of a process that is gone as failed. What does not belong here: what is materialized
(`assets`), or telling a person about it (`commands`).
"""

import logging
import re
import time
import warnings
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import uuid4
from zoneinfo import ZoneInfo

import dagster as dg
import polars as pl

from assets.graph import ASSET_NAMES
from assets.home import Home
from darkstar_pipeline.context import DAGSTER_FOLDER, LAKE_FOLDER, Context
from darkstar_pipeline.definitions import build_definitions, homes
from darkstar_pipeline.errors import ConfigurationError, DarkstarError, DataMissingError
from darkstar_pipeline.orchestration.dagster_internals import DagsterAssetCheckFailedError
from darkstar_pipeline.orchestration.instance import open_instance
from darkstar_pipeline.state.file_lock import hold_lock, is_locked
from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.schemas import DATA_QUALITY_DAILY, METER_READINGS, RAW_SPOT_PRICES, Table
from jobs.backfill import BACKFILL
from jobs.names import job_name
from jobs.refresh import range_tags
from planner.replay.usable_slots import USABLE

OWNER_TAG = "darkstar/owner"
SITE_TAG = "darkstar/site"
ROWS = "dagster/partition_row_count"
_LOGGER = "progress"
_HINT = "name assets as the page does, such as spot_prices or oracle_schedules+"
_UNFINISHED = (dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED)

Progress = Callable[[int, int], None]
"""Called with the number of assets that are done, and of all."""


class BackfillFailedError(DarkstarError):
    """A run stopped for a reason that is not the data's."""

    code = "backfill_failed"


@dataclass(frozen=True, kw_only=True)
class BackfillReport:
    """The result of a backfill.

    Attributes:
        assets: keys of what was materialized, in the order of the graph.
        days: number of requested days.
        rows: rows written to the lake.
        left_out: why each refused day of the range was left out.
        run_id: the run, as Dagster's page shows it.
        seconds: wall time of all of it [s].
    """

    first: date
    last: date
    days: int
    assets: tuple[str, ...]
    rows: int
    left_out: Mapping[date, str]
    run_id: str
    seconds: float


def _refuse_home_of_fleet(context: Context) -> None:
    """Refuse a home of the fleet, which has no assets of its own.

    Raises:
        ConfigurationError: it is one.
    """
    if context.settings.is_of_fleet(context.site_name):
        message = f"{context.site_name} is a home of the fleet, whose days are backfilled by the bucket"
        raise ConfigurationError(message, f"darkstar fleet backfill --site {context.site_name} --from DAY --to DAY")


def run_backfill(
    context: Context, first: date, last: date, select: str | None = None, progress: Progress | None = None
) -> BackfillReport:
    """Materialize the daily assets of a range of local days.

    Args:
        context: the site.
        first: first local day.
        last: last local day, included.
        select: Dagster's asset selection, such as `spot_prices` or `oracle_schedules+`, commas between several; None
            for all daily assets.
        progress: callback after every asset.

    Raises:
        ConfigurationError: the range or selection cannot be.
        DataMissingError: nothing was imported for the range.
        BackfillFailedError: Dagster could not carry the run out.
    """
    started = time.perf_counter()
    _refuse_home_of_fleet(context)
    check_range(context, first, last)
    check_imported(context, first, last, partial=select is not None)
    home = _home(context)
    keys = selected(home, build_definitions(context.settings, context.home), select)
    loggers = {_LOGGER: _listener(progress, len(keys))}
    job = build_definitions(context.settings, context.home, loggers=loggers).resolve_job_def(job_name(home, BACKFILL))
    if progress is not None:
        progress(0, len(keys))
    with open_instance(context.home) as instance:
        close_dead_runs(instance, context.home)
        Lake(context.home / LAKE_FOLDER).sweep_leftovers()
        with _owner(context.home) as owner, _errors_named():
            result = job.execute_in_process(
                instance=instance,
                asset_selection=keys,
                tags={**range_tags(first, last), OWNER_TAG: owner, SITE_TAG: context.site_name},
                run_config={"loggers": {_LOGGER: {}}},
            )
    return BackfillReport(
        first=first,
        last=last,
        days=(last - first).days + 1,
        assets=tuple(key.to_user_string() for key in keys),
        rows=_rows_written(result),
        left_out=_left_out(context, first, last),
        run_id=result.run_id,
        seconds=time.perf_counter() - started,
    )


def check_range(context: Context, first: date, last: date) -> None:
    """Refuse a range that the home's partitions do not cover.

    Raises:
        ConfigurationError: it ends before it starts, or starts before the home's first day.
        DataMissingError: it ends after tomorrow.
    """
    if last < first:
        raise ConfigurationError(f"the range ends on {last}, before it starts on {first}", "swap the days")
    begin = context.site_settings.first_day
    if first < begin:
        message = f"{first} is before the first day of site {context.site_name}, {begin}"
        raise ConfigurationError(message, "start later, or set an earlier first_day")
    end = datetime.now(ZoneInfo(context.timezone)).date() + timedelta(days=1)
    if last > end:
        raise DataMissingError(f"{last} is after tomorrow, {end}: nothing can be known of it", "end earlier")


def check_imported(context: Context, first: date, last: date, *, partial: bool) -> None:
    """Refuse a range of which nothing was imported.

    Raises:
        DataMissingError: prices or readings are missing altogether; for a partial run, both.
    """
    tables = {"prices": RAW_SPOT_PRICES, "observations": METER_READINGS}
    missing = [name for name, table in tables.items() if not _has_day(context, table, first, last)]
    if len(missing) < (len(tables) if partial else 1):
        return
    commands = ", ".join(f"`darkstar import {name} FILE`" for name in missing)
    message = f"no {' and no '.join(missing)} imported for site {context.site_name} from {first} to {last}"
    raise DataMissingError(message, f"run {commands}")


def selected(home: Home, definitions: dg.Definitions, select: str | None) -> list[dg.AssetKey]:
    """Keys of the assets to materialize, in the order of the graph.

    Raises:
        ConfigurationError: the selection cannot be read, or selects none of them.
    """
    daily = [home.key(name) for name in ASSET_NAMES]
    if select is None:
        return daily
    words = [_in_full(home, word.strip()) for word in select.split(",")]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", category=dg.BetaWarning)  # Dagster warns of its own words, such as `group:`
            selection = dg.AssetSelection.from_coercible(words)
            chosen = selection.resolve(definitions.resolve_asset_graph())  # pyright: ignore[reportUnknownMemberType]
    except dg.DagsterError as error:
        raise ConfigurationError(
            f"cannot select assets by {select!r}: {' '.join(str(error).split())}", _HINT
        ) from error
    keys = [key for key in daily if key in chosen]
    if not keys:
        raise ConfigurationError(f"{select!r} selects no daily asset", _HINT)
    return keys


def close_dead_runs(instance: dg.DagsterInstance, home: Path) -> list[str]:
    """Mark runs as failed whose process is gone, however it went; days they wrote are whole and stay.

    Returns:
        Ids of those runs.
    """
    unfinished = instance.get_runs(dg.RunsFilter(statuses=list(_UNFINISHED)))
    dead = [run for run in unfinished if OWNER_TAG in run.tags and not is_locked(_lock(home, run.tags[OWNER_TAG]))]
    for run in dead:
        instance.report_run_failed(run, "The process that ran this backfill is gone; run the same days again.")
        _lock(home, run.tags[OWNER_TAG]).unlink(missing_ok=True)
    return [run.run_id for run in dead]


@contextmanager
def _owner(home: Path) -> Generator[str]:
    """A name for this run's process, with a lock that is held for as long as the process lives."""
    name = uuid4().hex
    path = _lock(home, name)
    try:
        with hold_lock(path):
            yield name
    finally:
        path.unlink(missing_ok=True)


def _lock(home: Path, owner: str) -> Path:
    return home / DAGSTER_FOLDER / "owners" / f"{owner}.lock"


@contextmanager
def _errors_named() -> Generator[None]:
    """Failures of a run in the shell's words; what assets raised in those words passes as it is."""
    try:
        yield
    except DagsterAssetCheckFailedError as error:
        message = f"the backfill stopped at a check: {' '.join(str(error).split())}"
        raise DataMissingError(message, "import what is missing for these days") from error
    except dg.DagsterExecutionInterruptedError as error:
        raise KeyboardInterrupt from error  # Dagster has closed the run already
    except dg.DagsterError as error:
        raise BackfillFailedError(
            f"the backfill failed: {' '.join(str(error).split())}", "see `darkstar ui`"
        ) from error


class _Listener(logging.Handler):
    """Hears of every asset that is done, from the events of the run, and tells nobody else."""

    def __init__(self, progress: Progress, total: int) -> None:
        super().__init__()
        self._progress, self._total, self._done = progress, total, 0

    def emit(self, record: logging.LogRecord) -> None:
        """Count the end of a step."""
        event = getattr(record, "dagster_event", None)
        if isinstance(event, dg.DagsterEvent) and event.event_type is dg.DagsterEventType.STEP_SUCCESS:
            self._done += 1
            self._progress(self._done, self._total)


def _listener(progress: Progress | None, total: int) -> dg.LoggerDefinition:
    """The run's only logger: Dagster's own would tell every event of every day to stderr."""

    @dg.logger
    def listener(_: dg.InitLoggerContext) -> logging.Logger:
        quiet = logging.Logger(_LOGGER)  # noqa: LOG001 - outside logging's tree: nothing else hears it
        quiet.addHandler(logging.NullHandler() if progress is None else _Listener(progress, total))
        return quiet

    return listener


def _home(context: Context) -> Home:
    """The context's site among the homes of the definitions, which knows its keys."""
    return next(home for home in homes(context.settings, context.home) if home.name == context.site_name)


def _in_full(home: Home, selection: str) -> str:
    """The selection as the page would take it: names of daily assets are keys of the home, an older `*` is a `+`.

    Dagster reads a bare name by older rules, in which `+` is one step and not all.
    """
    if selection == "*":
        return selection
    names = "|".join(ASSET_NAMES)
    keys = re.compile(rf'(?<![\w/":])({names})(?![\w/"])')
    return keys.sub(lambda name: f'key:"{home.key(name[0]).to_user_string()}"', selection.replace("*", "+"))


def _has_day(context: Context, table: Table, first: date, last: date) -> bool:
    return any(first <= day <= last for day in context.lake.days(table, context.site_name))


def _rows_written(result: dg.ExecuteInProcessResult) -> int:
    """Rows of all assets and days, as the materializations tell."""
    counts = [event.materialization.metadata.get(ROWS) for event in result.get_asset_materialization_events()]
    return sum(int(str(count.value)) for count in counts if count is not None)


def _left_out(context: Context, first: date, last: date) -> dict[date, str]:
    """Return the reason why each refused day of the range is left out downstream."""
    grades = context.lake.read(DATA_QUALITY_DAILY, context.site_name, first, last)
    refused = grades.filter(~pl.col("status").is_in(USABLE)).select("day", "reasons")
    return dict(refused.iter_rows())
