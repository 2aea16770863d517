"""The fault arena can fail: a guard that restores nothing, a fault that nothing tells, and a crash are all caught."""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Generator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx2
import pytest

from benchmarks.fault_injection.arena_rows import rows_of
from benchmarks.fault_injection.arena_scenarios import KILLED, MACHINE, SCENARIOS, SHORT, Scenario, scenarios
from benchmarks.fault_injection.fault_arena import Verdict, arena, tried
from benchmarks.fault_injection.faulty_link import FaultyLink, LinkLoop
from benchmarks.fault_injection.shifted_clock import clock_library, clock_variables, shift_clock
from benchmarks.homes.served_home import ZONE, served_home
from benchmarks.homes.shipped import ShippedHomes
from tests.builders import tools
from tests.builders.stub_home_assistant import StubHomeAssistant, stub_home_assistant

ONE = Scenario("single", "processes", (KILLED,))
SWITCHED = Scenario("single", "systemd", (MACHINE,))
GUARD_THAT_RESTORES_NOTHING = """
import os
from pathlib import Path
from darkstar_pipeline.service.control.guard import Guard
from darkstar_pipeline.service.guard_service import GuardService
Guard._restore = lambda self, lease: ""
GuardService(Path(os.environ["DARKSTAR_HOME"])).run(started=lambda: None)
"""


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (Verdict(ONE, 29.9), ""),
        (Verdict(ONE, 30.1), "30 s after its lease"),
        (Verdict(ONE, None), "at its default never"),
        (Verdict(SWITCHED, 59.0), ""),
        (Verdict(SWITCHED, 91.0), "91 s after its lease"),
        (Verdict(ONE, 1.0, untold=("service killed",)), "nothing tells: service killed"),
        (Verdict(ONE, 1.0, crashes=("the guard ended with 1",)), "the guard ended with 1"),
        (Verdict(ONE, 1.0, trouble="no lease holds it"), "no lease holds it"),
    ],
)
def test_verdict_is_broken_when_a_promise_is(verdict: Verdict, words: str) -> None:
    assert words in verdict.broken
    assert bool(verdict.broken) == bool(words)
    met = {row.figure: row.met for row in rows_of([verdict])}
    assert met["faults_not_met_as_promised"] is not bool(words)


def test_scenarios_are_those_of_before_and_at_least_forty_pairs() -> None:
    kinds = Counter(scenario.kind for scenario in SCENARIOS)
    assert kinds["before"] == 37
    assert kinds["pair"] >= 40
    names = [(scenario.setting, scenario.name, scenario.kind) for scenario in SCENARIOS]
    assert len(set(names)) == len(names)
    pairs = [scenario for scenario in SCENARIOS if scenario.kind == "pair"]
    assert all(len(pair.faults) == 2 for pair in pairs)
    assert len({frozenset(fault.name for fault in pair.faults) for pair in pairs}) >= 40


def test_short_form_is_a_tenth_and_needs_no_systemd_when_there_is_none() -> None:
    chosen = scenarios(short=True, systemd=True)
    assert {(each.setting, each.name) for each in chosen} == SHORT
    assert len(SCENARIOS) / 12 < len(chosen) < len(SCENARIOS) / 8
    assert {each.setting for each in chosen} == {"processes", "child", "containers", "one container", "systemd"}
    without = scenarios(short=True, systemd=False)
    assert len(without) == len(chosen)
    assert "systemd" not in {each.setting for each in without}


@pytest.fixture
def stub_home() -> Generator[StubHomeAssistant]:
    with stub_home_assistant() as running:
        yield running


def test_link_fails_as_it_is_told_and_is_well_again(stub_home: StubHomeAssistant) -> None:
    links = LinkLoop()
    try:
        link = FaultyLink(links, int(stub_home.url.rpartition(":")[2]))
        url = f"http://127.0.0.1:{link.port}/api/states/number.charge_power"
        headers = {"authorization": "Bearer a token of this test"}
        assert httpx2.get(url, headers=headers).json()["state"] == "5000"
        link.set("error 500")
        assert httpx2.get(url).status_code == 500
        link.set("page of a proxy")
        assert "<html>" in httpx2.get(url).text
        for fault in ("refuses", "cuts answers"):
            link.set(fault)
            with pytest.raises(httpx2.TransportError):
                httpx2.get(url)
        link.set("hangs")
        with pytest.raises(httpx2.ReadTimeout):
            httpx2.get(url, timeout=0.2)
        link.set("through")
        assert httpx2.get(url, headers=headers).status_code == 200
    finally:
        links.close()


def test_clock_is_shifted_for_the_processes_of_one_home(tmp_path: Path) -> None:
    library = clock_library(tmp_path)
    if library is None:
        pytest.skip(f"{tools.NOT_RUN}no C compiler is installed")
    shift_clock(tmp_path, 2.0)
    told = subprocess.run(
        [sys.executable, "-S", "-c", "import datetime, time; print(time.time(), datetime.datetime.now().timestamp())"],
        env={**os.environ, **clock_variables(library, tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert all(7100 < float(moment) - time.time() < 7300 for moment in told)


@pytest.mark.thorough
def test_guard_that_restores_nothing_is_caught() -> None:
    """And one that does is not: the same fault, in the same Home Assistant."""
    tools.home_assistant()
    tools.pid_namespace()
    at = datetime.now(ZoneInfo(ZONE))
    with served_home(ShippedHomes(), at, champion=False, days=25) as template:
        for guard, words in (((sys.executable, "-c", GUARD_THAT_RESTORES_NOTHING), "follows a command"), ((), "")):
            with arena(template, at, 2, guard) as ground:
                both = [ONE, replace(ONE, setting="containers")]
                for verdict in tried(both, ground, 2):
                    assert words in verdict.broken
                    assert bool(verdict.broken) == bool(words)
