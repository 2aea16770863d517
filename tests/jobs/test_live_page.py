"""Dagster lives under `darkstar ui`: the price sensor ticks, fetches and plans; the page shows what is stale.

The sources are the real addresses, which a proxy on loopback leads to a server of the test.
"""

import http.client
import json
import os
import re
import signal
import subprocess
from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from playwright.sync_api import expect, sync_playwright

from darkstar_pipeline.config.fingerprints import config_version
from darkstar_pipeline.config.settings import load_settings
from darkstar_pipeline.console.supervisor import LOOPBACK, free_port
from darkstar_pipeline.fetching.log import FetchLog
from darkstar_pipeline.orchestration.instance import open_instance
from tests.builders.certificates import certificate
from tests.builders.command_line import PROGRAM, environment, run_darkstar
from tests.builders.price_sources import CET, PriceSources
from tests.builders.proxy_server import proxy_server
from tests.builders.source_server import SourceServer, source_server
from tests.builders.tools import chromium
from tests.builders.waiting import until

LOCATION = "darkstar_pipeline.definitions"
NAMES = ("www.elprisetjustnu.se", "dataportal-api.nordpoolgroup.com")
pytestmark = pytest.mark.thorough  # three servers, a daemon and its runs: two minutes


@dataclass(frozen=True)
class Live:
    """A running `darkstar ui` whose sources are on loopback."""

    folder: Path
    addresses: dict[str, str]
    sources: SourceServer

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def ask(self, query: str) -> Any:
        """An answer of Dagster's GraphQL."""
        token = (self.state / "service" / "token").read_text().strip()
        connection = http.client.HTTPConnection(self.addresses["dagster"].removeprefix("http://"), timeout=60)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection.request("POST", "/graphql", body=json.dumps({"query": query}), headers=headers)
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer["data"]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Generator[Live]:
    folder = tmp_path_factory.mktemp("live")
    file = certificate(folder, *NAMES)
    assert run_darkstar(folder, "init", "--area", "SE3", "--yes").code == 0
    configuration = folder / "darkstar.yaml"
    text = configuration.read_text()
    assert "ca_file: null" in text
    configuration.write_text(text.replace("ca_file: null", f"ca_file: {file}", 1))
    today = datetime.now(CET).date()
    ports = {name: free_port(26_000 + 1000 * number) for number, name in enumerate(("dagster", "mlflow", "planner"))}
    words = [word for name, port in ports.items() for word in (f"--{name}-port", str(port))]
    with source_server(certificate=file) as sources, proxy_server(sources.url) as proxy:
        sources.answer = PriceSources(today=today, published=today + timedelta(days=1)).answer
        variables = {**environment(folder), "HTTPS_PROXY": proxy.url, "NO_PROXY": LOOPBACK}
        del variables["DARKSTAR_OFFLINE"]  # names lead to the proxy alone
        with subprocess.Popen(
            [PROGRAM, "ui", "--json", *words], cwd=folder, env=variables, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                assert process.stdout is not None
                yield Live(folder, json.loads(process.stdout.readline()), sources)
            finally:
                os.kill(process.pid, signal.SIGTERM)
                process.communicate(timeout=60)


STATES = """{ repositoriesOrError { ... on RepositoryConnection { nodes {
  sensors { name sensorState { status ticks(limit: 5) { status skipReason runIds error { message } } } }
  schedules { name scheduleState { status } } } } } }"""
STALE = """{ assetNodes(assetKeys: [{path: ["oracle_schedules"]}]) { owners { ... on TeamAssetOwner { team } }
  staleStatusByPartition(partitions: ["%s", "%s"]) } }"""


def test_the_price_sensor_ticks_and_has_prices_fetched_from_the_first_source(live: Live):
    def ticks() -> list[dict[str, Any]]:
        (repository,) = live.ask(STATES)["repositoriesOrError"]["nodes"]
        (sensor,) = [one for one in repository["sensors"] if one["name"] == "price_sensor"]
        assert sensor["sensorState"]["status"] == "RUNNING"
        return sensor["sensorState"]["ticks"]

    until(lambda: bool(ticks()), "a tick of the price sensor", 120, pause_seconds=1)
    log = FetchLog(live.state)
    until(lambda: any(one.succeeded for one in log.entries("home", "prices")), "prices", 180, pause_seconds=1)
    assert [tick["error"] for tick in ticks() if tick["error"]] == []
    assert {one.source for one in log.entries("home", "prices") if one.outcome == "stored"} == {"elprisetjustnu"}
    assert any(asked.headers["host"] in NAMES for asked in live.sources.asked)


def test_what_was_made_under_other_settings_is_stale(live: Live):
    settings = load_settings(live.folder / "darkstar.yaml").sites["home"]
    days = ["2026-01-30", "2026-01-31"]
    with open_instance(live.state) as instance:
        for day, version in zip(days, [config_version(settings, "oracle"), "of other settings"], strict=True):
            tags = {"dagster/code_version": version, "dagster/data_version": day}
            instance.report_runless_asset_event(dg.AssetMaterialization("oracle_schedules", partition=day, tags=tags))
    (node,) = live.ask(STALE % tuple(days))["assetNodes"]
    assert node["staleStatusByPartition"][1] == "STALE"
    assert node["owners"] == [{"team": "home"}]


def test_the_sensor_is_seen_on_a_phone(live: Live, tmp_path: Path):
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium(driver), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 390, "height": 800})
        page.goto(live.addresses["link"])
        page.wait_for_url(lambda url: url != live.addresses["link"])  # its page goes on by itself
        page.goto(f"{live.addresses['dagster']}/locations/{LOCATION}/sensors/price_sensor")
        page.get_by_text("Hide navigation").click()
        done = page.get_by_text(re.compile("1 run requested|No runs requested")).first
        expect(done).to_be_in_viewport(timeout=60_000)
        page.screenshot(path=os.environ.get("LIVE_PAGE", str(tmp_path / "page.png")))
        browser.close()
