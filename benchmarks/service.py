"""The planner service at work: time to its first plan, planning time, and latency while the machine is busy.

A home on today's calendar with a champion. A hundred requests a second for a minute (in the short form ten seconds),
sent when they are due whether or not earlier ones were answered (so that a stall counts for every request it delays),
while a backfill and a training run work on the same lake; then a promotion by another process while requests go on.
"""

import asyncio
import os
import signal
import statistics
import subprocess
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import psutil

from benchmarks.harness.open_loop import requested
from benchmarks.harness.results import Row, Scope
from benchmarks.homes.fresh_home import FreshHome
from benchmarks.homes.served_home import DAYS, TOKEN, UPPER_RUNGS, moment, served_home, serving, train
from darkstar_pipeline.config.settings import load_settings
from darkstar_pipeline.context import open_context
from darkstar_pipeline.planning.memo import Memo
from darkstar_pipeline.planning.plan_inputs import inputs_at
from darkstar_pipeline.planning.plan_sources import active_policy_or_reason, optimizer_plan, scenario_days, site_sources
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.engine.planner_engine import PlannerEngine
from planner.optimizer.warm_solver import MIP_SECONDS
from planner.plans.fallback_chain import PlanSource, first_usable_plan

RATE = 100
SECONDS, SHORT_SECONDS = 60, 10
WARM_SECONDS, SHORT_WARM_SECONDS = 10, 3
REPEATS = 9
FOLLOW_SECONDS = 60.0
START_SECONDS = 5.0


def run(scope: Scope) -> list[Row]:
    """Measure starts, plans, answers under load and a promotion."""
    at = moment()
    with served_home(scope.homes, at, champion=False) as home:
        bare, no_model = _first_plan(home, at)
        train(home, at)
        home.run("models", "promote", "1")
        first, with_model = _first_plan(home, at)
        plans = _fresh_plans(home, at)
        busy = _under_load(home, at, scope)
        follow = _promotion(home, at)
    return [
        Row("start_to_first_valid_plan", round(max(first, bare), 2), "s", "<= 5", max(first, bare) <= START_SECONDS),
        Row("rung_without_a_model", no_model, "", "a plan all the same", no_model in UPPER_RUNGS),
        Row("rung_with_a_model", with_model, "", "champion", with_model == "champion"),
        *plans,
        *busy,
        *follow,
    ]


def _first_plan(home: FreshHome, at: datetime) -> tuple[float, str]:
    """Return the seconds from a cold start to the first verified plan of its own, and the source of that plan."""
    with serving(home, at) as service:
        seconds, plan = service.until_planned()
    return seconds, plan["rung"] if plan["verified"] else "unverified"


def _fresh_plans(home: FreshHome, at: datetime) -> list[Row]:
    """Return the time of plans on inputs in memory, and from the first read to the last write."""
    context = open_context(settings=load_settings(home.folder / "darkstar.yaml"), home=home.state)
    policy = active_policy_or_reason(context)
    memory = Memo()
    inputs = inputs_at(context, at, lookback_days=scenario_days(policy), memo=memory)
    champion = site_sources(context, inputs, policy, memo=memory)[:1]
    optimiser = [PlanSource("mpc", partial(optimizer_plan, MIP_SECONDS))]
    engine = PlannerEngine(context, clock=Clock(offset=at - datetime.now(at.tzinfo)))
    engine.check()
    by_champion = _median(lambda: first_usable_plan(inputs.task, champion))
    by_mpc = _median(lambda: first_usable_plan(inputs.task, optimiser))
    whole = _median(engine.replan)
    slots = inputs.task.n_slots
    return [
        Row("slots_planned", slots, "slots"),
        Row("fresh_plan_champion", round(by_champion, 3), "s", "<= 0.1", by_champion <= 0.1),  # noqa: PLR2004 - the target
        Row("fresh_plan_mpc", round(by_mpc, 3), "s", "<= 1", by_mpc <= 1),
        Row("fresh_plan_champion_read_to_written", round(whole, 3), "s"),
    ]


def _median(work: Callable[[], object]) -> float:
    """Return the median time of several runs, after one that warms up [s]."""
    work()
    times: list[float] = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def _under_load(home: FreshHome, at: datetime, scope: Scope) -> list[Row]:
    """Send a hundred requests a second beside a backfill and a training run, and return their delays."""
    n_requests = RATE * scope.of(SECONDS, SHORT_SECONDS)
    with serving(home, at) as service:
        service.until_planned()
        stop = threading.Event()
        workers = [threading.Thread(target=_repeat, args=(home, words, stop)) for words in _work(at)]
        for worker in workers:
            worker.start()
        server = psutil.Process(service.process.pid)
        sizes: list[int] = []
        answers = asyncio.run(requested(service.url, ["/plan"] * n_requests, RATE, TOKEN, sizes, server))
        stop.set()
        for worker in workers:
            worker.join()
        created_at = service.plan()["created_at"]
    errors = sum(status != 200 for status, _ in answers)  # noqa: PLR2004 - of HTTP
    delays = sorted(delay for _, delay in answers)
    warm = sizes[scope.of(WARM_SECONDS, SHORT_WARM_SECONDS)]
    growth = 100 * (statistics.median(sizes[-5:]) - warm) / warm
    p99 = 1000 * delays[int(0.99 * len(delays))]
    return [
        Row("requests", len(answers), "", f"{n_requests}", len(answers) == n_requests),
        Row("errors", errors, "", "0", errors == 0),
        Row("p50", round(1000 * statistics.median(delays), 1), "ms"),
        Row("p99", round(p99, 1), "ms", "<= 100", p99 <= 100),  # noqa: PLR2004 - the target
        Row("slowest", round(1000 * delays[-1], 1), "ms"),
        Row("memory", round(sizes[-1] / 2**20), "MiB"),
        Row("memory_growth", round(growth, 1), "%", "flat: <= 5", growth <= 5, applies="whole"),  # noqa: PLR2004 - the target
        Row("last_plan_at", created_at, ""),
    ]


def _work(at: datetime) -> list[tuple[str, ...]]:
    """Return the commands that use the lake meanwhile."""
    first, last = at.date() - timedelta(days=DAYS - 12), at.date() - timedelta(days=3)
    return [
        ("backfill", "--from", str(first), "--to", str(last), "--select", "policy_schedules*"),
        ("train", "lightgbm", "--from", str(first), "--to", str(last), "--set", "rounds=2"),
    ]


def _repeat(home: FreshHome, words: tuple[str, ...], stop: threading.Event) -> None:
    """Run a command over and over; the one that runs at the end is killed."""
    folder = home.folder / words[0]
    folder.mkdir(exist_ok=True)
    other = FreshHome(folder)
    while not stop.is_set():
        process = _started(home, other, words)
        while process.poll() is None and not stop.wait(0.2):
            pass
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _started(home: FreshHome, other: FreshHome, words: tuple[str, ...]) -> "subprocess.Popen[str]":
    """Start a command on the home's lake, its answer in a folder of its own."""
    for name in ("darkstar.yaml", "state"):
        link = other.folder / name
        if not link.exists():
            link.symlink_to(home.folder / name)
    return other.start(*words)


def _promotion(home: FreshHome, at: datetime) -> list[Row]:
    """Promote another version in another process while requests go on."""
    train(home, at, offset=0.2)
    with serving(home, at) as service:
        service.until_planned()
        codes: list[int] = []
        stop = threading.Event()

        def request() -> None:
            while not stop.is_set():
                codes.append(service.client.get("/command").status_code)
                stop.wait(0.02)

        requester = threading.Thread(target=request)
        requester.start()
        home.run("models", "promote", "2")
        moved = time.perf_counter()
        while service.plan()["model"]["version"] != 2 and time.perf_counter() - moved < FOLLOW_SECONDS:  # noqa: PLR2004 - the version
            time.sleep(0.05)
        seconds = time.perf_counter() - moved
        stop.set()
        requester.join()
    dropped = sum(code != 200 for code in codes)  # noqa: PLR2004 - of HTTP
    return [
        Row("promotion_followed", round(seconds, 2), "s", "<= 30", seconds <= 30),  # noqa: PLR2004 - the target
        Row("requests_dropped_meanwhile", dropped, "", "0", dropped == 0),
    ]
