"""Answers as the services gave them (`../shared/data/fixtures/api`), and what a token must not reach."""

from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from darkstar_pipeline.fetching.client import SourceClient
from darkstar_pipeline.fetching.log import FetchLog
from darkstar_pipeline.fetching.prices.services.home_assistant import HomeAssistantPrices
from darkstar_pipeline.home_assistant_api.failures import HomeAssistantError
from darkstar_pipeline.home_assistant_api.socket import NOT_FOUND, NOT_VALID, RefusedQuestionError
from env.time_grid import local_day
from tests.builders.price_home import PriceHome, price_home, quick_client
from tests.builders.price_sources import PriceSources
from tests.builders.source_server import Reply, SourceServer, source_server

ECB = PriceSources(today=date(2026, 1, 1), published=date(2026, 1, 1)).answer


@pytest.fixture
def server() -> Generator[SourceServer]:
    with source_server() as one:
        yield one


@pytest.fixture
def client() -> Generator[SourceClient]:
    with quick_client() as one:
        yield one


def home_at(folder: Path, server: SourceServer, client: SourceClient, area: str, now: datetime) -> PriceHome:
    return price_home(folder / "state", server, client, now, {"area": area})


@dataclass(frozen=True)
class Recorded:
    """A recorded answer and what it holds."""

    file: str
    area: str
    day: date
    minutes: set[int]


RECORDED = {
    "nordpool": Recorded("nordpool_dayaheadprices_pynordpool_2024-11-05.json", "SE3", date(2024, 11, 5), {60}),
    "energy_charts": Recorded("energycharts_price_eos.json", "DE-LU", date(2024, 12, 10), {60}),
    "entsoe": Recorded("entsoe_A44_day-ahead-prices-3-DE-LU.xml", "DE-LU", date(2022, 11, 5), {60}),
    "entsoe, mixed": Recorded("entsoe_A44_day-ahead-prices-8-NO2-PT15M-PT60M.xml", "NO2", date(2025, 2, 25), {15}),
}


def serving(server: SourceServer, shared_data: Path, file: str) -> None:
    """Have a server give a recorded answer, and rates."""
    body = (shared_data / "fixtures" / "api" / file).read_bytes()
    kind = "text/xml" if file.endswith("xml") else "application/json"
    server.answer = lambda asked: ECB(asked) if "EXR" in asked.path else Reply(body=body, content_type=kind)


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_answers_are_read(
    name: str, shared_data: Path, server: SourceServer, client: SourceClient, tmp_path: Path
):
    recorded = RECORDED[name]
    serving(server, shared_data, recorded.file)
    home = home_at(tmp_path, server, client, recorded.area, datetime(2026, 10, 1, tzinfo=UTC))
    report = home.fetch(recorded.day, recorded.day, name.partition(",")[0])
    assert not report.failures, report.failures
    market_day = home.prices().filter(local_day("Europe/Brussels").eq(recorded.day))
    assert market_day.height == 96
    assert set(market_day["native_minutes"]) == recorded.minutes
    if name == "nordpool":
        assert market_day["price"][0] == pytest.approx(0.02154 * 11)


def test_a_recorded_answer_of_a_day_in_utc_is_no_whole_day_of_the_market(
    shared_data: Path, server: SourceServer, client: SourceClient, tmp_path: Path
):
    serving(server, shared_data, "elering_nps_price_2026-08-22.json")
    home = home_at(tmp_path, server, client, "FI", datetime(2026, 10, 1, tzinfo=UTC))
    report = home.fetch(date(2026, 8, 23), date(2026, 8, 23), "elering")
    assert "2026-08-22 has 88 of 96" in report.missing[date(2026, 8, 22)]
    assert home.prices().is_empty()


class Assistant:
    """A Home Assistant with the Nord Pool integration, or with a sensor."""

    def __init__(
        self,
        entry: str | None,
        answer: dict[str, Any],
        error: HomeAssistantError | None = None,
        called: HomeAssistantError | None = None,
    ) -> None:
        self._entry, self._answer, self._error, self._refusal = entry, answer, error, called
        self.called: list[tuple[str, str, dict[str, Any]]] = []

    def nordpool_entry(self) -> str | None:
        if self._error is not None:
            raise self._error
        return self._entry

    def price_sensors(self) -> list[dict[str, Any]]:
        return [{"entity_id": "sensor.other", "state": "1", "attributes": {}}, self._answer]

    def call_action(self, domain: str, action: str, data: Any) -> dict[str, Any]:
        self.called.append((domain, action, dict(data)))
        if self._refusal is not None:
            raise self._refusal
        return self._answer


DAY = date(2026, 1, 31)
STEPS = [datetime(2026, 1, 30, 23, tzinfo=UTC).timestamp() + 900 * n for n in range(96)]


def listed(*, per_mwh: bool) -> list[dict[str, Any]]:
    def stamp(seconds: float) -> str:
        return datetime.fromtimestamp(seconds, UTC).isoformat()

    scale = 1 if per_mwh else 1000
    return [
        {"start": stamp(at), "end": stamp(at + 900), "price": round((400 + n * 1.5) / scale, 6)}
        for n, at in enumerate(STEPS)
    ]


def test_home_assistants_nord_pool_integration_is_asked_by_its_action(
    server: SourceServer, client: SourceClient, tmp_path: Path
):
    assistant = Assistant("abc", {"SE3": listed(per_mwh=True)})
    home = home_at(tmp_path, server, client, "SE3", datetime(2026, 1, 30, 13, tzinfo=UTC))
    report = home.fetch(DAY, DAY, services=[HomeAssistantPrices(assistant)])
    assert not report.missing
    assert home.prices()["price"][0] == pytest.approx(0.4)
    asked = {"config_entry": "abc", "date": "2026-01-31", "areas": "SE3", "currency": "SEK"}
    assert assistant.called == [("nordpool", "get_prices_for_date", asked)]


@pytest.mark.parametrize(
    ("error", "says", "cause"),
    [
        (RefusedQuestionError("http://h", "call_service", NOT_VALID, "not posted"), "not posted", "late"),
        (RefusedQuestionError("http://h", "call_service", "invalid_format", "no area"), "no area", "refused"),
        (HomeAssistantError("it is slow", cause="late"), "it is slow", "unreachable"),
    ],
)
def test_prices_that_are_not_there_yet_are_late_and_other_refusals_are_not(
    server: SourceServer, client: SourceClient, tmp_path: Path, error: HomeAssistantError, says: str, cause: str
):
    home = home_at(tmp_path, server, client, "SE3", datetime(2026, 1, 30, 13, tzinfo=UTC))
    refusing = Assistant("abc", {}, called=error)
    assert says in home.fetch(DAY, DAY, services=[HomeAssistantPrices(refusing)]).failures["home_assistant"]
    last = FetchLog(home.context.home).states("home", "prices")[0].last
    assert last.cause == cause


def test_another_integration_of_that_name_lists_prices_by_its_sensor(
    server: SourceServer, client: SourceClient, tmp_path: Path
):
    attributes = {"unit_of_measurement": "SEK/kWh", "raw_tomorrow": listed(per_mwh=False), "tomorrow_valid": True}
    state = {"entity_id": "sensor.prices", "state": "0.4", "attributes": attributes}
    none = RefusedQuestionError("http://h", "call_service", NOT_FOUND, "Service not found")
    home = home_at(tmp_path, server, client, "SE3", datetime(2026, 1, 30, 13, tzinfo=UTC))
    report = home.fetch(DAY, DAY, services=[HomeAssistantPrices(Assistant("abc", state, called=none))])
    assert not report.missing


def test_a_sensor_that_lists_prices_serves_where_there_is_no_integration(
    server: SourceServer, client: SourceClient, tmp_path: Path
):
    attributes = {"unit_of_measurement": "SEK/kWh", "raw_tomorrow": listed(per_mwh=False), "tomorrow_valid": True}
    assistant = Assistant(None, {"entity_id": "sensor.prices", "state": "0.4", "attributes": attributes})
    home = home_at(tmp_path, server, client, "SE3", datetime(2026, 1, 30, 13, tzinfo=UTC))
    assert not home.fetch(DAY, DAY, services=[HomeAssistantPrices(assistant)]).missing
    assert home.prices()["price"][1] == pytest.approx(0.4015)


def test_a_home_assistant_that_is_away_is_no_source(server: SourceServer, client: SourceClient, tmp_path: Path):
    away = Assistant("abc", {}, HomeAssistantError("Home Assistant does not answer", cause="unreachable"))
    home = home_at(tmp_path, server, client, "SE3", datetime(2026, 1, 30, 13, tzinfo=UTC))
    none = HomeAssistantPrices(None)
    report = home.fetch(DAY, DAY, services=[HomeAssistantPrices(away)])
    assert "does not answer" in report.failures["home_assistant"]
    assert "no Home Assistant is configured" in home.fetch(DAY, DAY, services=[none]).failures["home_assistant"]
    assert home.prices().is_empty()


def test_a_token_is_nowhere_but_in_the_request(
    server: SourceServer, client: SourceClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("DEBUG")
    today = date(2026, 1, 30)
    true = PriceSources(today=today, published=DAY).answer
    home = home_at(tmp_path, server, client, "NO1", datetime(2026, 1, 30, 13, tzinfo=UTC))
    server.answer = true
    home.fetch(DAY, DAY, "entsoe", "tibber")
    server.serve(Reply(status=401), Reply(status=503))
    report = home.fetch(today, today, "entsoe", "tibber")
    assert any("a-token" in f"{asked.query} {asked.headers}" for asked in server.asked)
    written = b"".join(path.read_bytes() for path in (tmp_path / "state").rglob("*") if path.is_file())
    assert b"a-token" not in written
    assert "a-token" not in f"{report} {caplog.text} {home.log.entries('home')}"
