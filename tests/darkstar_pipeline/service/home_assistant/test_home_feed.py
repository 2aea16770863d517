"""A home's sensor states reach the lake once, whatever order, unit or gap it comes with; problems are reported.

The answers have the form that Home Assistant's REST interface gives; `test_real_home_assistant` asks the real one.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from darkstar_pipeline.config.home_assistant import HomeAssistantSensors, HomeAssistantSettings
from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import DataMissingError, DataRefusedError, OutsideServiceError
from darkstar_pipeline.service.home_assistant.home_feed import MAX_LOOKBACK, STUCK_SECONDS, HomeFeed, parse_soc
from darkstar_pipeline.warehouse.schemas import METER_READINGS, RAW_SPOT_PRICES
from tests.builders.service_home import HandClock, moment
from tests.builders.small_home import small_context
from tests.builders.waiting import until

SOC, LOAD, PV, PRICE = "sensor.battery", "sensor.house", "sensor.roof", "sensor.nordpool"
AT = moment(date(2025, 10, 26), 14, 0)


@dataclass
class Answers:
    """Answers of a home, given when asked; down while `down`."""

    states: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    recorded: list[list[dict[str, Any]]] = field(default_factory=list[list[dict[str, Any]]])
    down: bool = False
    asked: list[tuple[datetime, datetime]] = field(default_factory=list[tuple[datetime, datetime]])

    def state(self, entity: str) -> dict[str, Any] | None:
        self._check()
        return self.states.get(entity)

    def history(self, entities: Sequence[str], since: datetime, until: datetime) -> list[Any]:
        self._check()
        self.asked.append((since, until))
        wanted = [states for states in self.recorded if states[0]["entity_id"] in entities]
        return [
            [each for each in states if since <= datetime.fromisoformat(each["last_changed"]) < until]
            for states in wanted
        ]

    def _check(self) -> None:
        if self.down:
            raise OutsideServiceError("Home Assistant does not answer", "see whether it runs")


def state(entity: str, value: object, at: datetime, unit: str | None = None, **more: Any) -> dict[str, Any]:
    """A state as `/api/states` and, unit and all, `/api/history/period` give it."""
    attributes = {"unit_of_measurement": unit, "friendly_name": entity} if unit else {}
    stamp = at.isoformat()
    return {
        "entity_id": entity,
        "state": str(value),
        "attributes": attributes,
        "last_changed": stamp,
        "last_updated": stamp,
        **more,
    }


def power(entity: str, unit: str, values: Sequence[float], since: datetime) -> list[dict[str, Any]]:
    """A state a minute."""
    return [state(entity, value, since + timedelta(minutes=number), unit) for number, value in enumerate(values)]


@pytest.fixture
def home(tmp_path: Path) -> Context:
    made = small_context(tmp_path, filled=False)
    sensors = HomeAssistantSensors(soc=SOC, load=LOAD, pv=PV, price=PRICE)
    settings = HomeAssistantSettings(url="http://localhost:8123", sensors=sensors)
    return replace(made, site_settings=made.site_settings.model_copy(update={"home_assistant": settings}))


def made_feed(home: Context, answers: Answers, at: datetime = AT) -> tuple[HomeFeed, HandClock]:
    clock = HandClock(at=at)
    return HomeFeed(home, clock=clock, client=answers), clock


def an_hour(unit: str = "W", scale: float = 1.0) -> Answers:
    """The hour before AT: the house at 1.2 kW, the roof at 2 kW, the battery rising."""
    since = AT - timedelta(hours=1)
    return Answers(
        recorded=[
            power(LOAD, unit, [1200.0 * scale] * 61, since),
            power(PV, "W", [2000.0] * 61, since),
            power(SOC, "%", [50 + number / 6 for number in range(61)], since),
        ]
    )


def read(home: Context) -> pl.DataFrame:
    return home.lake.read(METER_READINGS, "home").drop("imported_at", "source")


@pytest.mark.parametrize(("unit", "scale"), [("W", 1.0), ("kW", 1e-3)])
def test_sync_brings_energies_of_whole_slots_when_sensors_differ_in_unit(
    home: Context, unit: str, scale: float
) -> None:
    feed, clock = made_feed(home, an_hour(unit, scale))
    clock.at = AT + timedelta(seconds=30)
    reports = feed.sync()
    rows = read(home)
    assert [report.slots_new for report in reports] == [4]
    assert rows["load_kwh"].to_list() == pytest.approx([0.3] * 4)
    assert rows["pv_kwh"].to_list() == pytest.approx([0.5] * 4)
    assert rows["soc_end_percent"].to_list() == pytest.approx([52.5, 55.0, 57.5, 60.0])
    assert "prices: sensor.nordpool has no state" in feed.status().note


def test_sync_leaves_the_lake_as_it_is_when_states_repeat_and_are_disordered(home: Context) -> None:
    answers = an_hour()
    feed, clock = made_feed(home, answers)
    clock.at = AT + timedelta(seconds=30)
    feed.sync()
    before = read(home)
    answers.recorded = [[*states[::-1], *states[:20]] for states in answers.recorded]
    assert [report.slots_unchanged for report in feed.sync()] == [4]
    assert read(home).equals(before)


def test_sync_fetches_only_what_is_new_when_it_has_been_before(home: Context) -> None:
    answers = an_hour()
    feed, clock = made_feed(home, answers)
    clock.at = AT + timedelta(seconds=30)
    feed.sync()
    clock.at = AT + timedelta(minutes=15, seconds=30)
    feed.sync()
    clock.at = AT + timedelta(days=5)
    feed.sync()
    first, second, third = answers.asked
    assert first[0] == AT - MAX_LOOKBACK
    assert second[0] == AT - timedelta(hours=1)
    assert third[0] == clock.at - MAX_LOOKBACK


def test_sync_tells_and_goes_on_when_home_assistant_was_away(home: Context) -> None:
    answers = an_hour()
    answers.down = True
    feed, clock = made_feed(home, answers)
    clock.at = AT + timedelta(seconds=30)
    feed.poll()
    assert (feed.sync(), feed.soc()) == ([], None)
    assert feed.status().note.count("does not answer") == 3
    answers.down = False
    answers.states = {
        SOC: state(SOC, 60, clock.at, "%"),
        PRICE: {"state": "0.5", "attributes": {"raw_today": today(), "currency": "SEK", "region": "SE3"}},
    }
    feed.poll()
    assert len(feed.sync()) == 2
    assert feed.status().ok
    assert feed.soc() == (60.0, clock.at)


def test_sync_says_which_sensor_is_silent_when_others_are_not(home: Context) -> None:
    answers = an_hour()
    del answers.recorded[1]
    feed, clock = made_feed(home, answers)
    clock.at = AT + timedelta(seconds=30)
    feed.sync()
    assert read(home)["load_kwh"].null_count() == 0
    assert "readings: Home Assistant has recorded no state of sensor.roof" in feed.status().note
    answers.recorded = []
    feed.sync()
    assert "recorded no state" in feed.status().note


def test_sync_reads_the_others_when_a_sensor_was_away_all_the_time(home: Context) -> None:
    answers = an_hour()
    answers.recorded[2] = [state(SOC, "unavailable", AT - timedelta(hours=1), "%")]
    feed, clock = made_feed(home, answers)
    clock.at = AT + timedelta(seconds=30)
    assert [report.slots_new for report in feed.sync()] == []
    assert read(home)["load_kwh"].to_list() == pytest.approx([0.3] * 4)
    assert f"readings: Home Assistant has recorded no state of {SOC}" in feed.status().note


@pytest.mark.parametrize(("values", "says"), [([1.2e9] * 61, "more than a home can"), (["x"] * 61, "rows are bad")])
def test_sync_refuses_and_leaves_the_lake_when_a_sensor_is_absurd(home: Context, values: list[Any], says: str) -> None:
    answers = an_hour()
    answers.recorded[0] = power(LOAD, "W", values, AT - timedelta(hours=1))
    feed, clock = made_feed(home, answers)
    clock.at = AT + timedelta(seconds=30)
    assert feed.sync() == []
    assert says in feed.status().note
    assert read(home).is_empty()


def today(price: float = 0.5) -> list[dict[str, Any]]:
    """The list of a Nord Pool sensor on the day with 100 slots."""
    start = datetime(2025, 10, 25, 22, tzinfo=UTC)
    stamps = [start + number * timedelta(minutes=15) for number in range(101)]
    return [
        {"start": first.isoformat(), "end": second.isoformat(), "value": price - number / 100}
        for number, (first, second) in enumerate(pairwise(stamps))
    ]


def test_sync_brings_negative_prices_of_a_long_day_when_the_clock_goes_back(home: Context) -> None:
    answers = an_hour()
    attributes = {"raw_today": today(), "raw_tomorrow": [], "tomorrow_valid": False, "currency": "SEK", "region": "SE3"}
    answers.states[PRICE] = {"state": "0.5", "attributes": attributes}
    feed, _ = made_feed(home, answers)
    feed.sync()
    prices = home.lake.read(RAW_SPOT_PRICES, "home")["price"]
    assert (prices.len(), prices.min()) == (100, pytest.approx(-0.49))


@pytest.mark.parametrize(
    ("value", "unit", "wanted"),
    [("45.5", "%", 45.5), ("0", "%", 0.0), ("100", None, 100.0), ("unavailable", "%", None), ("unknown", None, None)],
)
def test_soc_is_read_or_absent_when_the_sensor_says_so(value: str, unit: str | None, wanted: float | None) -> None:
    reading = parse_soc(state(SOC, value, AT, unit), SOC)
    assert reading == (None if wanted is None else (wanted, AT))


def test_soc_is_as_old_as_it_was_last_heard_when_it_did_not_change() -> None:
    later = AT + timedelta(hours=3)
    assert parse_soc(state(SOC, 100, AT, "%", last_reported=later.isoformat()), SOC) == (100.0, later)


@pytest.mark.parametrize(
    ("document", "error", "says"),
    [
        (None, DataMissingError, "no entity sensor.battery"),
        (state(SOC, 12.5, AT, "kWh"), DataRefusedError, "in kWh, not in %"),
        (state(SOC, "full", AT, "%"), DataRefusedError, "not a percentage"),
        (state(SOC, "nan", AT, "%"), DataRefusedError, "not a percentage"),
        (state(SOC, 101, AT, "%"), DataRefusedError, "not a percentage"),
        (state(SOC, -1, AT, "%"), DataRefusedError, "not a percentage"),
        ({"state": "50"}, DataRefusedError, "not a percentage"),
        ({"state": "50", "last_updated": "2025-10-26T12:00:00"}, DataRefusedError, "not a percentage"),
    ],
    ids=["absent", "kWh", "text", "nan", "above", "below", "no time", "no offset"],
)
def test_soc_is_refused_when_it_is_no_percentage(
    document: dict[str, Any] | None, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        parse_soc(document, SOC)


def test_feed_forgets_the_soc_when_its_sensor_goes_and_keeps_the_last_when_home_assistant_goes(home: Context) -> None:
    answers = Answers(states={SOC: state(SOC, 60, AT, "%")})
    feed, _ = made_feed(home, answers)
    feed.poll()
    answers.down = True
    feed.poll()
    assert feed.soc() == (60.0, AT)  # it ages, and whoever uses it says when it is too old
    answers.down = False
    answers.states[SOC] = state(SOC, "unavailable", AT)
    feed.poll()
    assert (feed.soc(), feed.status().ok) == (None, True)


def test_feed_keeps_the_last_believable_level_and_says_so_when_the_sensor_reads_nothing(home: Context) -> None:
    answers = Answers(states={SOC: state(SOC, 62, AT, "%")})
    feed, clock = made_feed(home, answers)
    feed.poll()
    clock.at = AT + timedelta(minutes=5)
    answers.states[SOC] = state(SOC, 0, clock.at, "%")
    feed.poll()
    assert feed.soc() == (62.0, AT)
    assert not feed.status().ok
    assert "reads 0 %, which the battery cannot have reached from 62 %" in feed.status().note
    answers.states[SOC] = state(SOC, 61, clock.at, "%")
    feed.poll()
    assert (feed.soc(), feed.status().ok) == ((61.0, clock.at), True)


def test_feed_reads_by_itself_when_started(home: Context) -> None:
    answers = an_hour()
    answers.states[SOC] = state(SOC, 60, AT, "%")
    feed, clock = made_feed(home, answers)
    clock.at = AT + timedelta(seconds=30)
    feed.start()
    until(lambda: not read(home).is_empty(), "the first fetch")
    feed.stop()
    assert feed.soc() == (60.0, AT)
    assert len(answers.asked) == 1


def test_sync_goes_on_at_once_when_a_clock_that_was_days_ahead_is_set_back(home: Context) -> None:
    answers = an_hour()
    feed, clock = made_feed(home, answers)
    clock.at = AT + timedelta(days=1, seconds=30)
    feed.sync()
    clock.at = AT + timedelta(seconds=30)
    assert [report.slots_unchanged for report in feed.sync()] == [4]
    since, until = answers.asked[-1]
    assert since < until
    assert "readings" not in feed.status().note


def test_feed_is_not_well_when_its_last_look_is_long_ago(home: Context) -> None:
    asked, goes_on = threading.Event(), threading.Event()

    class Hanging(Answers):
        def state(self, entity: str) -> Any:
            asked.set()
            goes_on.wait(20)
            return super().state(entity)

    feed, clock = made_feed(home, Hanging())
    feed.start()
    assert asked.wait(10)
    assert feed.status().ok
    clock.seconds += STUCK_SECONDS + 1
    part = feed.status()
    assert (part.ok, part.age_seconds) == (False, STUCK_SECONDS + 1)
    assert "has not been looked at for 301 s" in part.note
    goes_on.set()
    feed.stop()


@pytest.mark.parametrize(
    "attributes",
    [
        pytest.param({"prices": today(), "unit_of_measurement": "SEK/kWh"}, id="template sensor"),
        pytest.param(
            {"data": [{**each, "value": 1000 * each["value"]} for each in today()], "unit_of_measurement": "SEK/MWh"},
            id="per MWh",
        ),
        pytest.param(
            {
                "raw_today": [{**each, "value": 100 * each["value"]} for each in today()],
                "unit_of_measurement": "öre/kWh",
            },
            id="öre",
        ),
        pytest.param(
            {"SE3": [{"start": each["start"], "price": round(1000 * each["value"], 2)} for each in today()]},
            id="the action's answer",
        ),
    ],
)
def test_sync_reads_prices_in_the_shapes_of_files(home: Context, attributes: dict[str, Any]) -> None:
    answers = an_hour()
    answers.states[PRICE] = {"state": "0.5", "attributes": attributes}
    feed, _ = made_feed(home, answers)
    feed.sync()
    prices = home.lake.read(RAW_SPOT_PRICES, "home").sort("slot_start")["price"].to_list()
    assert prices == pytest.approx([each["value"] for each in today()], abs=1e-9)
    assert feed.status().note == ""


def test_sync_tells_a_price_sensor_without_a_list(home: Context) -> None:
    answers = an_hour()
    answers.states[PRICE] = {"state": "0.5", "attributes": {"unit_of_measurement": "SEK/kWh"}}
    feed, _ = made_feed(home, answers)
    feed.sync()
    assert f"{PRICE} shows the present price only; name a sensor that lists prices" in feed.status().note


def test_sync_keeps_good_prices_and_tells_when_zeros_come_over_them(home: Context) -> None:
    answers = an_hour()
    good = [{**each, "value": each["value"] + 1.0} for each in today()]
    answers.states[PRICE] = {"state": "0.5", "attributes": {"raw_today": good, "currency": "SEK"}}
    feed, _ = made_feed(home, answers)
    feed.sync()
    answers.states[PRICE]["attributes"]["raw_today"] = [*good[:60], *({**each, "value": 0.0} for each in good[60:])]
    feed.sync()
    prices = home.lake.read(RAW_SPOT_PRICES, "home").sort("slot_start")["price"].to_list()
    assert prices == pytest.approx([each["value"] for each in good])
    assert feed.status().ok
    assert "40 × price 0 in a run of 40 zeros over known prices" in feed.status().note


def test_sync_tells_readings_that_the_home_cannot_have_had_until_it_reads_without(home: Context) -> None:
    since = AT - timedelta(hours=40)
    # A house that is never still stands still for fourteen hours.
    load = [0.0 if 600 <= minute < 1440 else 500.0 + minute % 50 for minute in range(40 * 60 + 1)]
    feed, clock = made_feed(home, Answers(recorded=[power(LOAD, "W", load, since)]))
    feed.sync()
    assert feed.status().ok is False, "the other sensors have recorded nothing"
    assert "readings of load_kwh are not believed and stay missing" in feed.status().note
    clock.at = AT + timedelta(minutes=15, seconds=30)
    feed.sync()
    assert "not believed" not in feed.status().note


def test_sync_stores_nothing_of_a_window_in_which_nothing_was_recorded(home: Context) -> None:
    """The recorder stopped at noon: a state stamped with the start of a window is no reading of then."""

    class Recorder(Answers):
        def history(self, entities: Sequence[str], since: datetime, until: datetime) -> list[Any]:
            """Answer with the states before the window alone, where there are none in it."""
            within = super().history(entities, since, until)
            stamps = dict.fromkeys(("last_changed", "last_updated"), since.isoformat())
            whole = zip(within, self.recorded, strict=True)
            return [states or [{**every[-1], **stamps}] for states, every in whole]

    feed, clock = made_feed(home, Recorder(recorded=an_hour().recorded))
    clock.at = AT + timedelta(seconds=30)
    feed.sync()
    before = read(home)
    for hours in (2, 3, 6):
        clock.at = AT + timedelta(hours=hours, seconds=30)
        feed.sync()
        assert read(home).equals(before)
    assert "recorded no state of the sensors since" in feed.status().note


def test_slots_of_a_slow_counter_get_no_energy_from_before_the_window(home: Context) -> None:
    """Home Assistant stamps the state from before a window with its start: its first slot would get 30 % more."""

    class Recorder(Answers):
        def history(self, entities: Sequence[str], since: datetime, until: datetime) -> list[Any]:
            """Answer as the real one does."""
            lists = super().history(entities, since, until)
            for states, whole in zip(lists, self.recorded, strict=True):
                before = [each for each in whole if datetime.fromisoformat(each["last_changed"]) < since]
                stamps = dict.fromkeys(("last_changed", "last_updated"), since.isoformat())
                states[:0] = [{**before[-1], **stamps}] if before else []
            return lists

    begin = AT - timedelta(hours=3)
    at = [begin + timedelta(minutes=5 * number + 1) for number in range(12 * 4)]
    counter = [state(LOAD, f"{number / 10:.1f}", when, "kWh") for number, when in enumerate(at)]
    feed, clock = made_feed(home, Recorder(recorded=[counter]))
    for quarter in range(4):
        clock.at = AT + timedelta(minutes=15 * quarter, seconds=90)
        feed.sync()
    assert read(home)["load_kwh"].to_list() == pytest.approx([0.3] * read(home).height)
