"""States that come live: followed through lost connections, revoked tokens and clocks that are set, else polled."""

import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from darkstar_pipeline.home_assistant_api import entity_stream
from darkstar_pipeline.home_assistant_api.connection import Connection
from darkstar_pipeline.home_assistant_api.failures import HomeAssistantError
from darkstar_pipeline.service.home_assistant.feeds import live_states
from darkstar_pipeline.service.home_assistant.feeds.live_reader import LiveReader
from darkstar_pipeline.service.home_assistant.feeds.live_states import LiveStates
from tests.builders.home_assistant_socket import TOKEN, SocketAnswers, home_assistant_socket
from tests.builders.service_home import HandClock
from tests.builders.waiting import until

SOC, LOAD = "sensor.soc", "sensor.load"
GRID = "sensor.phase_1"
AT = datetime(2025, 10, 26, 0, 30, tzinfo=UTC)
"""Half an hour before the clock is set back."""


def stamp(minutes: float) -> float:
    return (AT + timedelta(minutes=minutes)).timestamp()


def whole(state: str, minutes: float = 0.0, unit: str = "%") -> dict[str, Any]:
    return {"s": state, "a": {"unit_of_measurement": unit}, "c": "x", "lc": stamp(minutes)}


def changed(entity: str, state: str, minutes: float) -> dict[str, Any]:
    return {"c": {entity: {"+": {"s": state, "lc": stamp(minutes), "c": "y"}}}}


@dataclass
class Rest:
    """Home Assistant's other interface."""

    states: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    recorded: list[Any] = field(default_factory=list[Any])
    down: bool = False
    asked: list[str] = field(default_factory=list[str])

    def state(self, entity: str) -> dict[str, Any] | None:
        self.asked.append(entity)
        self._check()
        return self.states.get(entity)

    def history(self, entities: Sequence[str], since: datetime, until: datetime) -> list[Any]:
        del entities, since, until
        self.asked.append("history")
        self._check()
        return self.recorded

    def _check(self) -> None:
        if self.down:
            raise HomeAssistantError("Home Assistant does not answer", "it is retried automatically")


@dataclass
class Home:
    answers: SocketAnswers
    live: LiveStates
    rest: Rest
    clock: HandClock
    reader: LiveReader

    def now(self, minutes: float) -> None:
        """Let time go by, on both clocks."""
        self.clock.seconds += minutes * 60 - (self.clock.at - AT).total_seconds()
        self.clock.at = AT + timedelta(minutes=minutes)

    def level(self) -> str:
        state = self.live.state(SOC)
        return "" if state is None else state.state


@contextmanager
def following(monkeypatch: pytest.MonkeyPatch) -> Generator[Home]:
    """A home whose sensors are followed."""
    monkeypatch.setattr(live_states, "FIRST_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(live_states, "REFUSED_PAUSE_SECONDS", 0.05)
    clock, rest = HandClock(at=AT), Rest()
    with home_assistant_socket(
        {"subscribe_entities": {SOC: whole("50"), LOAD: whole("400", unit="W"), GRID: whole("9", unit="A")}}
    ) as answers:
        live = LiveStates(
            lambda: Connection(answers.url, TOKEN, ca_file=None, seconds=5),
            [SOC, LOAD],
            clock=clock,
            without_past=[GRID],
        )
        live.start()
        home = Home(answers, live, rest, clock, LiveReader(rest, live, clock=clock))
        try:
            until(lambda: home.level() == "50", "the states come")
            yield home
        finally:
            live.stop()


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Generator[Home]:
    with following(monkeypatch) as found:
        yield found


def test_states_come_as_they_change_without_a_question(home: Home):
    home.now(1)
    home.answers.push(changed(SOC, "49.5", 1))
    until(lambda: home.level() == "49.5", "the change comes")
    state = home.reader.state(SOC)
    assert state == {
        "entity_id": SOC,
        "state": "49.5",
        "attributes": {"unit_of_measurement": "%"},
        "last_changed": "2025-10-26T00:31:00+00:00",
        "last_updated": "2025-10-26T00:31:00+00:00",
    }
    assert json.dumps(state)
    assert home.rest.asked == []
    assert home.live.status().note == "states come live"


def test_what_control_looks_at_comes_live_and_is_not_kept(home: Home):
    home.answers.push(changed(GRID, "12", 1))
    until(lambda: (home.live.document(GRID) or {}).get("state") == "12", "the change comes")
    assert home.live.history(GRID, AT, AT + timedelta(hours=1)) == []
    assert home.live.document("sensor.unknown") is None


def test_history_of_what_was_followed_is_what_the_recorder_would_say(home: Home):
    # Through the hour that comes twice: instants are in UTC, so nothing repeats.
    for minute in range(1, 120):
        home.answers.push(changed(LOAD, str(400 + minute), minute))
    home.answers.push(changed(LOAD, "unavailable", 120))
    until(lambda: (state := home.live.state(LOAD)) is not None and state.state == "unavailable", "the changes come")
    home.now(121)
    since, now = AT + timedelta(minutes=30, seconds=30), AT + timedelta(minutes=121)
    load, soc = home.reader.history([LOAD, SOC], since, now)
    assert [each["state"] for each in load] == [*(str(400 + n) for n in range(30, 120)), "unavailable"]
    assert load[0]["last_changed"] == since.isoformat(), "the state at the begin holds from the begin on"
    assert [each["state"] for each in soc] == ["50"]
    assert home.rest.asked == []


def test_history_before_the_connection_is_asked_of_the_recorder(home: Home):
    home.now(10)
    home.rest.recorded = [[{"entity_id": LOAD, "state": "1"}]]
    lists = home.reader.history([LOAD, SOC], AT - timedelta(minutes=1), home.clock.at)
    assert home.rest.asked == ["history"]
    assert [each[0]["entity_id"] for each in lists] == [LOAD, SOC], "what is not recorded is known from now on"
    home.rest.down = True
    with pytest.raises(HomeAssistantError):
        home.reader.history([LOAD, SOC], AT - timedelta(minutes=1), home.clock.at)


@pytest.mark.parametrize("days", [-2, 2])
def test_a_clock_that_is_set_makes_no_past_that_was_not_followed(home: Home, days: int):
    home.now(5)
    home.clock.at += timedelta(days=days)
    home.reader.history([LOAD], home.clock.at - timedelta(minutes=20), home.clock.at)
    assert home.rest.asked == ["history"]


def test_unchanged_levels_are_looked_at_now_and_then_since_only_rest_says_that_they_were_reported(home: Home):
    home.now(30)
    reported = {"entity_id": SOC, "state": "50", "last_reported": home.clock.at.isoformat()}
    home.rest.states[SOC] = reported
    assert [home.reader.state(SOC) for _ in range(3)] == [reported] * 3
    assert home.rest.asked == [SOC], "once a minute"
    home.now(32)
    home.rest.down = True
    assert (home.reader.state(SOC) or {})["state"] == "50", "what came live still holds"
    home.answers.push(changed(SOC, "unavailable", 32))
    until(lambda: home.level() == "unavailable", "the change comes")
    assert (home.reader.state(SOC) or {})["state"] == "unavailable"


def test_entities_that_go_are_asked_for_and_attributes_change_alone(home: Home):
    home.answers.push({"c": {SOC: {"+": {"a": {"icon": "x"}, "lu": stamp(1)}, "-": {"a": ["unit_of_measurement"]}}}})
    until(lambda: (state := home.live.state(SOC)) is not None and "icon" in state.attributes, "the change comes")
    state = home.live.state(SOC)
    assert state is not None
    assert (state.state, dict(state.attributes)) == ("50", {"icon": "x"})
    assert len(home.live.history(SOC, AT, AT + timedelta(minutes=2))) == 1, "the level did not change"
    home.answers.push({"r": [SOC]})
    until(lambda: home.live.state(SOC) is None, "it is gone")
    assert home.reader.state(SOC) is None
    assert home.rest.asked == [SOC]


def test_a_lost_connection_is_made_again_and_nothing_is_claimed_of_the_time_between(home: Home):
    home.now(60)
    assert home.live.covers(AT, home.clock.at)
    home.answers.results["subscribe_entities"] = {SOC: whole("30", 60)}
    home.answers.hang_up()
    until(lambda: home.level() == "30", "it is followed again")
    assert not home.live.covers(AT, home.clock.at)
    assert home.live.history(SOC, AT, AT + timedelta(hours=2))[0]["state"] == "30"
    assert home.answers.connections == 2


def test_a_revoked_token_is_told_and_states_are_polled_until_it_is_accepted_again(home: Home):
    home.answers.token = "another"  # noqa: S105 - of no server
    home.answers.hang_up()
    until(lambda: "does not accept the token" in home.live.status().note, "it is told")
    assert home.live.status().ok, "polling in its stead is no fault; that REST refuses too is told by the feed"
    assert home.live.state(SOC) is None
    home.rest.states[SOC] = {"entity_id": SOC, "state": "12"}
    assert (home.reader.state(SOC) or {})["state"] == "12"
    home.answers.token = TOKEN
    until(lambda: home.level() == "50", "it is followed again")


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ({"a": {SOC: {"s": True}}}, "another shape"),
        ({"a": {SOC: {"s": "5", "lc": 1e30}}}, "another shape"),
        ({"a": {SOC: {"s": "5", "lc": True}}}, "another shape"),
        ({"c": {"sensor.never_told": {"+": {"s": "5"}}}}, "never_told"),
        ("text", "another shape"),
    ],
)
def test_changes_in_another_shape_are_told_and_states_are_polled(home: Home, event: object, says: str):
    home.answers.results["subscribe_entities"] = {}
    home.answers.push(event)
    until(lambda: says in home.live.status().note, "it is told")


def test_a_home_assistant_without_it_is_polled(home: Home):
    del home.answers.results["subscribe_entities"]
    home.answers.hang_up()
    until(lambda: "refuses subscribe_entities" in home.live.status().note, "it is told")


def test_a_silent_home_assistant_is_asked_for_a_sign(home: Home, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(entity_stream, "QUIET_SECONDS", 0.05)
    home.answers.push(changed(SOC, "49", 1))
    until(lambda: sum(each["type"] == "ping" for each in home.answers.asked) > 2, "it is asked")
    assert home.level() == "49"
    home.answers.silent = True
    until(lambda: "does not answer in time" in home.live.status().note, "it is told")
