"""The sources of a home, also those whose settings cannot be used."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.fetching.prices.services.all_services import advice_on_sources, services_of
from darkstar_pipeline.fetching.prices.services.assistant import SocketAssistant
from darkstar_pipeline.fetching.prices.services.json_service import instant_in
from darkstar_pipeline.fetching.prices.session import price_sources
from darkstar_pipeline.home_assistant_api.answers import State
from tests.builders.price_home import price_home, quick_client
from tests.builders.price_sources import PriceSources, services_at
from tests.builders.source_server import source_server

NOW = datetime(2026, 1, 30, 13, tzinfo=UTC)
DAY = date(2026, 1, 31)


def names(site: dict[str, Any]) -> list[str]:
    return [service.name for service in services_of(SiteSettings.model_validate(site))]


def test_the_configured_order_goes_before_the_areas_own():
    assert names({"area": "SE3"})[:2] == ["elprisetjustnu", "nordpool"]
    assert names({"area": "SE3", "sources": {"prices": {"order": ["energy_charts"]}}}) == ["energy_charts"]
    assert names({"area": "SE3", "sources": {"prices": {"order": ["elering", "nordpool"]}}}) == ["nordpool"]


def test_octopus_needs_its_tariff_and_no_source_stands_twice():
    with pytest.raises(ValueError, match="octopus_tariff"):
        names({"area": "GB", "sources": {"prices": {"order": ["octopus"]}}})
    with pytest.raises(ValueError, match="more than once"):
        names({"area": "SE3", "sources": {"prices": {"order": ["nordpool", "nordpool"]}}})


def test_a_source_whose_token_others_can_read_gives_way_to_the_next(tmp_path: Path):
    token = tmp_path / "token"
    token.write_text("a-token")
    token.chmod(0o644)
    prices = {"order": ["entsoe", "tibber", "home_assistant", "nordpool"], "entsoe_token_file": str(token)}
    settings = {"area": "SE3", "sources": {"prices": prices}, "home_assistant": {"url": "http://127.0.0.1:1"}}
    with source_server() as server, quick_client() as client:
        server.answer = PriceSources(today=NOW.date(), published=DAY).answer
        home = price_home(tmp_path / "state", server, client, NOW, settings)
        with price_sources(home.context) as sources:
            unusable = [service for service in sources.services if service.name != "nordpool"]
        report = home.fetch(DAY, DAY, services=[*unusable, services_at(server.url)["nordpool"]])
    assert [given.source for given in report.given] == ["nordpool"]
    assert "can be read by others" in report.failures["entsoe"]
    assert "no token is set" in report.failures["tibber"]
    assert "is missing" in report.failures["home_assistant"]
    states = {state.last.source: state.last for state in home.log.states("home")}
    assert "chmod 600" in states["entsoe"].remedy
    assert "DARKSTAR_TIBBER_TOKEN" in states["tibber"].remedy


class Socket:
    """Home Assistant's answers to the questions about prices."""

    def config_entries(self, domain: str) -> list[str]:
        return ["abc"] if domain == "nordpool" else []

    def states(self) -> list[State]:
        listed = {"unit_of_measurement": "SEK/kWh", "raw_today": []}
        return [
            State(entity_id="sensor.list", state="1", attributes=listed),
            State(entity_id="sensor.now", state="1", attributes={"unit_of_measurement": "SEK/kWh"}),
            State(entity_id="sensor.power", state="1", attributes={"unit_of_measurement": "kW", "x": []}),
        ]

    def call(self, domain: str, service: str, data: dict[str, Any]) -> dict[str, Any]:
        return {"called": [domain, service, data]}


def test_home_assistant_is_asked_over_its_socket():
    socket: Any = Socket()
    assistant = SocketAssistant(socket, None)
    assert assistant.nordpool_entry() == "abc"
    assert [state["entity_id"] for state in assistant.price_sensors()] == ["sensor.list"]
    assert assistant.call_action("nordpool", "x", {"a": 1}) == {"called": ["nordpool", "x", {"a": 1}]}
    assert [state["entity_id"] for state in SocketAssistant(socket, "sensor.now").price_sensors()] == ["sensor.now"]


@pytest.mark.parametrize("area", ["IE", "MK"])
def test_an_area_that_only_entsoe_has_is_told_where_the_token_is(area: str):
    advice = advice_on_sources(area)
    assert "ENTSO-E has prices of" in advice
    assert "https://transparency.entsoe.eu" in advice
    assert "DARKSTAR_ENTSOE_TOKEN" in advice


@pytest.mark.parametrize("area", ["IS", "AL", "BA", "CY", "MT"])
def test_an_area_that_no_source_has_is_told_what_else_there_is(area: str):
    assert f"no source has prices of {area}: import files" in advice_on_sources(area)
    assert "elprisetjustnu, nordpool" in advice_on_sources("SE3")


@pytest.mark.parametrize(
    ("told", "read"),
    [
        ("2026-01-30T12:57:03+01:00", datetime(2026, 1, 30, 11, 57, 3, tzinfo=UTC)),
        ("0001-01-01T00:00:00+01:00", None),
        ("9999-12-31T23:59:59-05:00", None),
        ("2026-01-30T12:57:03", None),
        (1769770623, None),
    ],
)
def test_a_time_of_publication_that_utc_does_not_have_is_none(told: object, read: datetime | None):
    assert instant_in({"updatedAt": told}, "updatedAt") == read
