"""Faults injected into a running service from outside: it always answers, with a verified plan, and recovers.

One home on today's calendar with a champion, one service. Each fault is injected, the service queried, the fault
removed, and the time until the champion plans again measured. Then faults that take processes of their own: kills at
random moments, a full disk, wrong and stepping clocks, requests made up by schemathesis, and `outside_faults`: Home
Assistant, its inverter, MQTT, disordered sensors. The short form has every fifth fault, the clocks and three kills.
The form `--outside` is the fault arena (`fault_injection.fault_arena`): homes that are controlled, and pairs of faults.
"""

import random
import resource
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2

from benchmarks.fault_injection.arena_rows import arena_rows
from benchmarks.fault_injection.fault_list import BELOW, FAULTS, OLD_PLAN, TOP, Fault, Lab
from benchmarks.fault_injection.outside_faults import check_tools, outside_faults
from benchmarks.fault_injection.service_fuzz import Fuzzed, fuzz
from benchmarks.harness.results import Row, Scope
from benchmarks.homes.fresh_home import FreshHome
from benchmarks.homes.served_home import Serving, moment, served_home, serving
from darkstar_pipeline.config.settings import load_settings
from darkstar_pipeline.context import open_context
from darkstar_pipeline.planning.plan_inputs import inputs_at
from darkstar_pipeline.planning.plan_sources import optimizer_plan
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.engine.planner_engine import PlannerEngine
from darkstar_pipeline.service.schemas.health import HealthDocument
from darkstar_pipeline.service.schemas.plans import CommandDocument, PlanDocument
from planner.plans.fallback_chain import PlanSource, first_usable_plan

KILLS, SHORT_KILLS = 20, 3
SHORT_EVERY = 5
SEED = 11
NOTICE_SECONDS = 20.0
RECOVERY_SECONDS = 60.0
FUZZ_CASES = 2000
DISK_BYTES = 20_000
TINY_SECONDS = 1e-6
OK = 200


@dataclass
class Tally:
    """Observations of the run so far.

    Attributes:
        names: faults that were injected.
        broken: expectations that failed, a sentence each.
        crashes: missing answers, and services that ended.
        unverified: plans or commands that were not verified.
        recoveries: time until the champion plans again, by fault [s].
    """

    names: list[str] = field(default_factory=list[str])
    broken: list[str] = field(default_factory=list[str])
    crashes: int = 0
    unverified: int = 0
    recoveries: dict[str, float] = field(default_factory=dict[str, float])

    def check(self, name: str, rungs: frozenset[str], plan: PlanDocument | None) -> None:
        """Note a fault and the plan that followed it."""
        self.names.append(name)
        if plan is None:
            self.crashes += 1
            self.broken.append(f"{name}: no answer")
        elif plan.rung not in rungs:
            self.broken.append(f"{name}: rung {plan.rung}, not {sorted(rungs)}: {plan.why}")


def run(scope: Scope) -> list[Row]:
    """Inject every fault.

    Raises:
        OutsideServiceError: the whole form lacks Home Assistant or mosquitto.
    """
    if scope.outside:
        return arena_rows(scope)
    if not scope.short:
        check_tools()
    at, tally, kills = moment(), Tally(), scope.of(KILLS, SHORT_KILLS)
    alone: list[Row] = []
    with served_home(scope.homes, at) as home, TemporaryDirectory(prefix="darkstar-kept-") as name:
        lab = _kept(home, at, Path(name))
        _in_one_service(lab, tally, FAULTS[:: scope.of(1, SHORT_EVERY)])
        _solver_in_no_time(lab, tally)
        _clocks(lab, tally)
        _kills(lab, tally, kills)
        if not scope.short:
            _full_disk(lab, tally)
            alone = _fuzz_rows(fuzz(home, at, FUZZ_CASES))
            lab.restore()
            alone.insert(0, _outside_row(lab, tally))
    worst = max(tally.recoveries.values(), default=0.0)
    n_faults = len(tally.names)
    return [
        Row("faults", n_faults, "", ">= 20", n_faults >= 20, applies="whole"),  # noqa: PLR2004 - the target
        Row("faults_not_met_as_promised", len(tally.broken), "", "0", not tally.broken),
        *(Row(f"not_met_{number}", text) for number, text in enumerate(tally.broken, start=1)),
        Row("crashes", tally.crashes, "", "0", tally.crashes == 0),
        Row("unverified_commands", tally.unverified, "", "0", tally.unverified == 0),
        Row("worst_recovery", round(worst, 1), "s", "<= 60", worst <= RECOVERY_SECONDS),
        Row("kills", kills, "", "20", kills >= 20, applies="whole"),  # noqa: PLR2004 - the target
        *alone,
    ]


def _outside_row(lab: Lab, tally: Tally) -> Row:
    """Inject the faults outside the service, and return the time until the inverter was at its default."""
    default_after, outside = outside_faults(lab)
    for fault, trouble in outside.items():
        tally.names.append(fault)
        if trouble:
            tally.broken.append(f"{fault}: {trouble}")
    return Row("inverter_at_default_after_a_kill", round(default_after, 1), "s", "<= 900", default_after <= 900)  # noqa: PLR2004 - the target


def _fuzz_rows(fuzzed: Fuzzed) -> list[Row]:
    return [
        Row("fuzz_cases", fuzzed.cases, "", f">= {FUZZ_CASES}", fuzzed.cases >= FUZZ_CASES),
        Row("fuzz_failures", len(fuzzed.failures), "", "0", not fuzzed.failures),
        *(Row(f"fuzz_failure_{number}", text) for number, text in enumerate(fuzzed.failures[:5], start=1)),
    ]


def _kept(home: FreshHome, at: datetime, folder: Path) -> Lab:
    """Return a lab with a copy of the home as it should be."""
    for name in ("lake", "models"):
        shutil.copytree(home.state / name, folder / name)
    shutil.copy(home.folder / "darkstar.yaml", folder / "darkstar.yaml")
    return Lab(home, at, folder)


def _answered_plan(service: Serving, tally: Tally) -> PlanDocument | None:
    """Query plan, command and health and return the plan; None where an answer is missing or breaks its schema."""
    try:
        plan = PlanDocument.model_validate_json(service.client.get("/plan").raise_for_status().content)
        command = CommandDocument.model_validate_json(service.client.get("/command").raise_for_status().content)
        HealthDocument.model_validate_json(service.client.get("/health").raise_for_status().content)
    except (httpx2.HTTPError, ValueError):
        return None
    tally.unverified += not plan.verified or not (command.default or command.plan_id == plan.id)
    tally.unverified += not command.slot_start < command.expires_at <= command.slot_start + timedelta(minutes=15)
    return plan


def _until(
    service: Serving, tally: Tally, rungs: frozenset[str], seconds: float, component: str = ""
) -> PlanDocument | None:
    """Return the plan once it has one of these sources and the component is reported unwell; else the last plan."""
    deadline, plan = time.perf_counter() + seconds, None
    while time.perf_counter() < deadline:
        plan = _answered_plan(service, tally)
        if plan is not None and plan.rung in rungs and _reported(service, component):
            return plan
        time.sleep(0.25)
    return plan


def _reported(service: Serving, component: str) -> bool:
    """Return whether a component of the service is reported as not well."""
    if not component:
        return True
    parts: list[dict[str, Any]] = service.client.get("/health").json()["components"]
    return any(part["name"] == component and not part["ok"] for part in parts)


def _well(service: Serving) -> bool:
    """Return whether every component is well."""
    return service.client.get("/health").json()["status"] == "ok"


def _in_one_service(lab: Lab, tally: Tally, faults: Sequence[Fault]) -> None:
    """Inject faults one after the other into one running service."""
    with serving(lab.home, lab.at) as service:
        service.until_planned()
        for fault in faults:
            _inject(lab, service, tally, fault)
            if service.process.poll() is not None:
                tally.crashes += 1
                return


def _inject(lab: Lab, service: Serving, tally: Tally, fault: Fault) -> None:
    """Inject a fault, query the service, remove the fault, and time the recovery."""
    fault.inject(lab)
    plan = _until(service, tally, fault.rungs, NOTICE_SECONDS, fault.component)
    service.client.post("/replan")
    again = _answered_plan(service, tally)
    tally.check(fault.name, fault.rungs, plan if plan is None else again)
    if fault.component and not _reported(service, fault.component):
        tally.broken.append(f"{fault.name}: {fault.component} does not say so")
    lab.restore()
    began = time.perf_counter()
    while time.perf_counter() - began < RECOVERY_SECONDS:
        back = _answered_plan(service, tally)
        if back is not None and back.rung in TOP and back.model is not None and _well(service):
            break
        time.sleep(0.25)
    tally.recoveries[fault.name] = time.perf_counter() - began


def _solver_in_no_time(lab: Lab, tally: Tally) -> None:
    """Plan with the optimiser alone and next to no time; without its plan the inverter steers itself."""
    context = open_context(settings=load_settings(lab.home.folder / "darkstar.yaml"), home=lab.home.state)
    task = inputs_at(context, lab.at).task
    usable = first_usable_plan(task, [PlanSource("mpc", lambda task: optimizer_plan(TINY_SECONDS, task))])
    tally.names.append("solver out of time")
    tally.unverified += not usable.plan.verification.valid
    if usable.source not in ("mpc", "self_consumption"):
        tally.broken.append(f"solver out of time: {usable.source}")


def _full_disk(lab: Lab, tally: Tally) -> None:
    """Forbid files beyond a few kilobytes: plans cannot be kept on disk, and are answered all the same."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (DISK_BYTES, hard))
    try:
        with serving(lab.home, lab.at) as service:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            plan = _until(service, tally, TOP, NOTICE_SECONDS, "storage")
            tally.check("disk full", TOP, plan)
            if not _reported(service, "storage"):
                tally.broken.append("disk full: storage does not say so")
            resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (soft, hard))
            began = time.perf_counter()
            while not _well(service) and time.perf_counter() - began < RECOVERY_SECONDS:
                time.sleep(0.25)
            tally.recoveries["disk full"] = time.perf_counter() - began
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _clocks(lab: Lab, tally: Tally) -> None:
    """Start with a wrong clock, and step the clock over both changes of summer time."""
    wrong = (datetime(1971, 1, 1, tzinfo=lab.at.tzinfo), datetime(2099, 7, 1, tzinfo=lab.at.tzinfo))
    for when in wrong:
        with serving(lab.home, when) as service:
            service.until_planned()
            tally.check(f"clock at {when.year}", BELOW, _answered_plan(service, tally))
    context = open_context(settings=load_settings(lab.home.folder / "darkstar.yaml"), home=lab.home.state)
    clock = Clock(offset=lab.at - datetime.now(lab.at.tzinfo))
    engine = PlannerEngine(context, clock=clock)
    year = lab.today.year
    changes = (date(year, 3, 29), date(year, 10, 25))
    stops = [moment(day, hour) for day in changes for hour in (1, 3)]
    for when in (lab.at, *stops, *reversed(stops), lab.at):
        clock.offset = when - datetime.now(lab.at.tzinfo)
        engine.check()
        plan, command = engine.plan(), engine.command()
        tally.unverified += not plan.verified or not command.slot_start <= clock.now() < command.expires_at
    tally.check("clock steps over both changes of summer time", TOP, engine.plan())


def _kills(lab: Lab, tally: Tally, kills: int) -> None:
    """Kill the service at random moments of planning, overriding and starting: every file that is left is readable."""
    rng = random.Random(SEED)  # noqa: S311 - moments to kill at, not secrets
    for _ in range(kills):
        with serving(lab.home, lab.at) as service:
            if rng.random() < 0.7:  # noqa: PLR2004 - some are killed while they start
                service.until_planned()
                service.client.post("/automatic", json={"automatic": rng.random() < 0.5})  # noqa: PLR2004 - by chance
                until = (lab.at + timedelta(hours=2)).isoformat()
                service.client.post("/overrides", json={"mode": "hold", "until": until})
                service.client.post("/replan")
            time.sleep(rng.uniform(0.0, 1.0))
            service.process.kill()
            service.process.wait()
    for leftover in (lab.home.state / "service").glob("*/wishes.json"):
        leftover.unlink()
    with serving(lab.home, lab.at) as service:
        seconds, _ = service.until_planned()
        plan = _answered_plan(service, tally)
        tally.check(f"SIGKILL at {kills} random moments", TOP | OLD_PLAN, plan)
        tally.recoveries["SIGKILL"] = seconds
        for path in (lab.home.state / "service").rglob("*.json"):
            if path.name.startswith("2") and service.client.get(f"/plans/{path.stem}").status_code != OK:
                tally.broken.append(f"SIGKILL: {path.name} cannot be read back")
