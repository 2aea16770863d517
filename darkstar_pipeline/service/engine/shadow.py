"""Shadow policies: planned beside the champion on the same inputs, recorded, and never sent to the home.

A shadow has stored energy of its own. Its episode starts with the local day, at the home's stored energy; from then on
it follows from the shadow's own commands and the readings so far. Planning happens in a thread of its own, after the
live plan is published; failures here are logged and counted, and do not affect the live plan.

Nothing here can reach the home: an import contract in `pyproject.toml` holds that.
"""

import logging
import queue
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import numpy as np
import polars as pl
from polars import selectors as cs

from darkstar_pipeline.context import Context
from darkstar_pipeline.evaluation.plan_history import (
    COLUMNS,
    PlanRecord,
    in_force,
    keep_plan,
    plans_between,
    system_id,
)
from darkstar_pipeline.planning.memo import Memo
from darkstar_pipeline.planning.plan_inputs import PlanInputs
from darkstar_pipeline.planning.plan_sources import ActivePolicy, learned_plan, optimizer_plan, value_plan
from darkstar_pipeline.policies.trained import TrainedPolicy, trained_policy
from darkstar_pipeline.service.engine.champion_follower import FollowerState
from darkstar_pipeline.service.engine.input_status import InputStatus
from darkstar_pipeline.service.engine.plan_documents import plan_id
from darkstar_pipeline.service.schemas.health import Component
from darkstar_pipeline.service.schemas.plans import PlanDocument
from darkstar_pipeline.warehouse.tables import Tables
from env.inverter import IMPORT_LIMIT, Command, Decision, Energy, with_limit
from env.power_tariff import month_state
from env.simulator import Replay, World, simulate
from env.site import Site
from env.time_grid import SLOT, slot_of, zone
from planner.fault_isolation import MISTAKES
from planner.plans.fallback_chain import CHAMPION, MPC, VALUE, FallbackResult, PlanSource, first_usable_plan

STOP_SECONDS = 20.0
_log = logging.getLogger(__name__)


@dataclass
class _Episode:
    """A shadow's day so far.

    Attributes:
        day: the local day.
        start: slot that it began with.
        start_soc_kwh: the home's stored energy then [kWh].
        commands: its command of each slot since, by the slot's start: charge, discharge, export and import limit [kW].
    """

    day: date
    start: datetime
    start_soc_kwh: float
    commands: dict[datetime, tuple[float, float, float, float]]


@dataclass(frozen=True)
class _Work:
    """A live plan that shadows follow."""

    context: Context
    inputs: PlanInputs
    following: FollowerState
    plan: PlanDocument


class ShadowPlanner:
    """Plans shadows and records live plans, one after the other, in a thread of its own."""

    def __init__(self) -> None:
        self._work: queue.Queue[_Work | None] = queue.Queue(maxsize=4)
        self._episodes: dict[str, _Episode] = {}
        self._memos: dict[str, Memo] = {}
        self._loaded: dict[str, tuple[object, TrainedPolicy | None]] = {}
        self._thread: threading.Thread | None = None
        self.planned, self.failed, self.dropped = 0, 0, 0
        self.problem = ""

    def on_plan(self, context: Context, inputs: InputStatus, following: FollowerState, plan: PlanDocument) -> None:
        """Queue a new live plan; never waits."""
        if inputs.plan_inputs is None:
            return
        try:
            self._work.put_nowait(_Work(context, inputs.plan_inputs, following, plan))
        except queue.Full:
            self.dropped += 1

    def start(self) -> None:
        """Begin to follow live plans."""
        self._thread = threading.Thread(target=self._run, name="shadows", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Follow no more; what is being planned is finished."""
        if self._thread is None:
            return
        try:
            self._work.put(None, timeout=STOP_SECONDS)
        except queue.Full:
            return
        self._thread.join(timeout=STOP_SECONDS)

    def components(self) -> list[Component]:
        """Return the health of shadow planning."""
        return [Component(name="shadows", ok=not self.problem, note=self.problem)]

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            self._follow(work)

    def _follow(self, work: _Work) -> None:
        """File a live plan, and plan every shadow on the same inputs."""
        problems: list[str] = []
        for policy in (None, *work.context.site_settings.service.shadows):
            try:
                self._file_live_plan(work) if policy is None else self._plan(work, policy)
            except MISTAKES as error:  # a shadow's failure must not affect the live plan
                self.failed += 1
                problems.append(f"{policy or 'the history of plans'}: {type(error).__name__}: {error}")
                _log.warning("shadow %s failed", policy, exc_info=True)
        self.problem = "; ".join(problems)

    def _file_live_plan(self, work: _Work) -> None:
        """Record the live plan, for comparison."""
        plan = work.plan
        frame = pl.DataFrame([slot.model_dump() for slot in plan.slots], infer_schema_length=None)
        capacity = plan.capacity_kwh / 100
        frame = frame.with_columns(soc_end_kwh=pl.col("soc_end_percent") * capacity)
        metrics = {
            "policy": plan.rung,
            "rung": plan.rung,
            "version": None if plan.model is None else plan.model.version,
            "start_soc_kwh": work.inputs.task.start_soc_kwh,
            "cost": plan.cost,
            "idle_cost": plan.idle_cost,
        }
        record = PlanRecord(
            system=system_id(work.context.site_name),
            plan_id=plan.id,
            created_at=plan.created_at,
            episode_start=slot_of(plan.created_at),
            schedule=frame,
            metrics=metrics,
        )
        keep_plan(work.context.lake, work.context.site, record)

    def _plan(self, work: _Work, policy: str) -> None:
        """Plan one shadow from its own stored energy, and record the plan."""
        context, inputs = work.context, work.inputs
        episode = self._episode(context.lake, context.site, inputs, policy)
        own = _own_inputs(context.site, inputs, episode)
        result = first_usable_plan(own.task, [self._source(context, own, policy, work.following)])
        schedule = result.plan.schedule
        row = schedule.row(0, named=True)
        episode.commands[row["slot_start"]] = _commanded(row)
        record = PlanRecord(
            system=system_id(context.site_name, policy),
            plan_id=plan_id(work.plan.created_at),
            created_at=work.plan.created_at,
            episode_start=episode.start,
            schedule=schedule.select("slot_start", *COLUMNS, cs.by_name(IMPORT_LIMIT, require_all=False)),
            metrics=_metrics(policy, result, own, episode),
        )
        keep_plan(context.lake, context.site, record)
        self.planned += 1

    def _source(self, context: Context, inputs: PlanInputs, policy: str, following: FollowerState) -> PlanSource:
        """Return the source of the shadow's plan."""
        memo = self._memos.setdefault(policy, Memo())
        if policy == VALUE:
            return PlanSource(policy, lambda task: value_plan(context, inputs, memo, task))
        if policy == MPC:
            return PlanSource(policy, lambda task: optimizer_plan(context.site_settings.service.solver_seconds, task))
        active = (
            following.active
            if policy == CHAMPION
            else ActivePolicy(self._trained(context, policy, inputs.start.date()))
        )
        trained = active.policy
        if trained is None:
            return PlanSource(policy, lambda task: value_plan(context, inputs, memo, task))
        return PlanSource(policy, lambda task: learned_plan(context, inputs, trained, memo, task))

    def _trained(self, context: Context, policy: str, day: date) -> TrainedPolicy | None:
        """Return a trained policy by its name; looked up anew every day and where the configuration changed."""
        key = (day, context)
        loaded = self._loaded.get(policy)
        if loaded is None or loaded[0] != key:
            loaded = (key, trained_policy(context, policy))
            self._loaded[policy] = loaded
        return loaded[1]

    def _episode(self, lake: Tables, site: Site, inputs: PlanInputs, policy: str) -> _Episode:
        """Return the shadow's day so far; after a restart it is read back."""
        day = inputs.start.astimezone(zone(site.timezone)).date()
        episode = self._episodes.get(policy)
        if episode is None or episode.day != day:
            episode = _read_back(lake, site.name, policy, day) or _Episode(
                day, inputs.start, inputs.task.start_soc_kwh, {}
            )
            self._episodes[policy] = episode
        return episode


def _read_back(lake: Tables, site_name: str, policy: str, day: date) -> _Episode | None:
    """Return the episode that an earlier service began on a day."""
    plans = plans_between(lake, site_name, day, day).filter(pl.col("system_id") == system_id(site_name, policy))
    if plans.is_empty():
        return None
    first = plans.sort("created_at").row(0, named=True)
    start = datetime.fromisoformat(first["episode_start_local"])
    reach = [start + index * SLOT for index in range(100)]
    in_effect = in_force(plans, [slot_of(instant) for instant in reach])
    metrics = pl.Series([first["metrics"]]).str.json_path_match("$.start_soc_kwh").cast(pl.Float64)[0]
    commands = {row["slot_start"]: _commanded(row) for row in in_effect.iter_rows(named=True)}
    return None if metrics is None else _Episode(day, slot_of(start), float(metrics), commands)


def _commanded(row: Mapping[str, Any]) -> tuple[float, float, float, float]:
    """Return the command of a schedule's row and its import limit, infinity for none [kW]."""
    limit = row.get(IMPORT_LIMIT)
    return row["charge_kw"], row["discharge_kw"], row["export_kw"], np.inf if limit is None else limit


def _own_inputs(site: Site, inputs: PlanInputs, episode: _Episode) -> PlanInputs:
    """Return the inputs from the shadow's stored energy and, where power is charged, with its own peak of today."""
    window = inputs.rolling.window
    past = window.slots.filter((pl.col("slot_start") >= episode.start) & (pl.col("slot_start") < inputs.start))
    if past.is_empty():
        return replace(inputs, task=replace(inputs.task, start_soc_kwh=episode.start_soc_kwh))
    day = _day_so_far(site, past, episode)
    own = replace(inputs, task=replace(inputs.task, start_soc_kwh=float(day.soc_kwh[0, -1])))
    return _with_peaks(own, past.select("slot_start").with_columns(import_kwh=pl.Series(day.flows.import_kwh[0])))


def _with_peaks(inputs: PlanInputs, imports: pl.DataFrame) -> PlanInputs:
    """Return the inputs with today's peak by other imports than the home's; the month before today is the home's."""
    window = inputs.rolling.window
    tariffs = inputs.task.site.tariff.charges_of(inputs.task.days[0])
    month = tuple(
        replace(month_state(imports, tariff, inputs.task.site.timezone, inputs.start), peaks_kw=home.peaks_kw)
        if tariff.different_days
        else home
        for tariff, home in zip(tariffs, window.month, strict=True)
    )
    slots = window.slots.select("slot_start").filter(pl.col("slot_start") < inputs.start)
    imported = slots.join(imports, on="slot_start", how="left", maintain_order="left")["import_kwh"]
    own = replace(window, month=month, import_kwh=tuple(imported.fill_null(float("nan")).to_list()) if month else ())
    return replace(inputs, task=replace(inputs.task, month=month), rolling=replace(inputs.rolling, window=own))


def _day_so_far(site: Site, past: pl.DataFrame, episode: _Episode) -> Replay:
    """Return what the shadow's own commands of the day so far would have done."""
    by_itself = (0.0, site.battery.discharge_kw, 0.0, np.inf)
    powers = np.array([episode.commands.get(start, by_itself) for start in past["slot_start"]])

    def decide(slot: int, _soc_kwh: Energy) -> Decision:
        charge, discharge, export, limit = powers[slot][:, None]
        return with_limit(Command(charge, discharge, export), limit, site.limits)

    names = ("load_kwh", "pv_kwh", "import_price", "export_price")
    world = World(*(past[name].to_numpy()[None] for name in names))
    return simulate(decide, world, site, np.array([episode.start_soc_kwh]))


def _metrics(policy: str, result: FallbackResult, inputs: PlanInputs, episode: _Episode) -> dict[str, Any]:
    """Return the metrics of a shadow's plan."""
    return {
        "policy": policy,
        "rung": result.source,
        "why": result.reason,
        "start_soc_kwh": episode.start_soc_kwh,
        "soc_kwh": inputs.task.start_soc_kwh,
        "cost": result.plan.cost,
        "idle_cost": result.plan.idle_cost,
    }
