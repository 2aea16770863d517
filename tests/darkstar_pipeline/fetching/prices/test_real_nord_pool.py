"""Home Assistant's own Nord Pool integration, the real one, before a local server that plays the market's portal."""

import json
from collections.abc import Generator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from benchmarks.fault_injection.real_home_assistant import HASS, RealHomeAssistant
from darkstar_pipeline.fetching.prices.services.assistant import SocketAssistant
from darkstar_pipeline.fetching.prices.services.home_assistant import HomeAssistantPrices
from darkstar_pipeline.home_assistant_api.nord_pool import gives_prices
from darkstar_pipeline.home_assistant_api.socket import HomeAssistantSocket
from tests.builders import tools
from tests.builders.price_home import price_home, quick_client
from tests.builders.price_sources import RATE, PriceSources, euro_per_mwh
from tests.builders.source_server import Asked, Reply, SourceServer, source_server

pytestmark = pytest.mark.thorough
CET = ZoneInfo("Europe/Stockholm")
SPRING, AUTUMN = date(2026, 3, 29), date(2025, 10, 26)
PORTAL = """
import os, pynordpool, pynordpool.const
pynordpool.API = pynordpool.const.API = os.environ["PLAYED_PORTAL"]
"""


@pytest.fixture(scope="module")
def portal() -> Generator[SourceServer]:
    """The market's portal: it has all days up to today."""
    today = datetime.now(CET).date()
    played = PriceSources(today=today, published=today)

    def answer(asked: Asked) -> Reply:
        reply = played.answer(asked)
        if reply.status != 200:
            return reply
        more = {"blockPriceAggregates": [], "areaAverages": [], "exchangeRate": RATE}
        return Reply(body=json.dumps({**json.loads(reply.body), **more}).encode())

    with source_server() as server:
        server.answer = answer
        yield server


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory, portal: SourceServer) -> Generator[RealHomeAssistant]:
    """A Home Assistant whose Nord Pool integration was added as a person adds it in the page."""
    tools.home_assistant()
    if not list(HASS.parents[1].glob("lib/*/site-packages/pynordpool")):
        pytest.skip(f"{tools.NOT_RUN}pynordpool is not installed (make tools)")
    folder = tmp_path_factory.mktemp("assistant")
    (folder / "python").mkdir()
    (folder / "python" / "sitecustomize.py").write_text(PORTAL)
    running = RealHomeAssistant(folder / "assistant")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder / "python"))
        patch.setenv("PLAYED_PORTAL", f"{portal.url}/api")
        try:
            running.start()
            flows = "/api/config/config_entries/flow"
            flow = running.request("POST", flows, {"handler": "nordpool"})
            data = {"areas": ["SE3"], "currency": "SEK"}
            done = running.request("POST", f"{flows}/{flow['flow_id']}", data)
            assert done["type"] == "create_entry", done
            yield running
        finally:
            running.kill()


@pytest.fixture
def socket(assistant: RealHomeAssistant) -> Generator[HomeAssistantSocket]:
    with HomeAssistantSocket(assistant.url, assistant.token) as connected:
        yield connected


@pytest.mark.parametrize(("day", "slots"), [(SPRING, 92), (AUTUMN, 100)])
def test_prices_of_both_days_on_which_the_clock_changes_come_by_the_action(
    socket: HomeAssistantSocket, tmp_path: Path, portal: SourceServer, day: date, slots: int
):
    assert gives_prices(socket)
    source = HomeAssistantPrices(SocketAssistant(socket, None))
    with quick_client() as client:
        home = price_home(tmp_path, portal, client, datetime.now(UTC), {"area": "SE3"})
        report = home.fetch(day, day, services=[source])
    assert (report.missing, report.failures) == ({}, {})
    prices = home.prices()
    assert prices.height == slots
    assert prices["price"].to_list() == pytest.approx(
        [round(euro_per_mwh(at) * RATE, 2) / 1000 for at in prices["slot_start"]]
    )


def test_another_area_and_currency_than_the_integrations_own_are_asked_for(
    socket: HomeAssistantSocket, tmp_path: Path, portal: SourceServer
):
    source = HomeAssistantPrices(SocketAssistant(socket, None))
    settings = {"area": "DE-LU", "timezone": "Europe/Berlin", "currency": "EUR"}
    with quick_client() as client:
        home = price_home(tmp_path, portal, client, datetime.now(UTC), settings)
        assert not home.fetch(SPRING, SPRING, services=[source]).missing
    assert home.prices()["price"][0] == pytest.approx(round(euro_per_mwh(home.prices()["slot_start"][0]), 2) / 1000)


def test_tomorrow_before_its_publication_is_late(socket: HomeAssistantSocket, tmp_path: Path, portal: SourceServer):
    tomorrow = datetime.now(CET).date() + timedelta(days=1)
    source = HomeAssistantPrices(SocketAssistant(socket, None))
    with quick_client() as client:
        home = price_home(tmp_path, portal, client, datetime.now(UTC), {"area": "SE3"})
        report = home.fetch(tomorrow, tomorrow, services=[source])
    assert "has not posted market prices" in report.failures["home_assistant"]
    assert home.log.states("home", "prices")[0].last.cause == "late"
    assert home.prices().is_empty()
