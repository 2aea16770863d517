import http.client
import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from playwright.sync_api import expect, sync_playwright

from darkstar_pipeline.commands import ui
from darkstar_pipeline.console.supervisor import LOOPBACK, free_port
from tests.builders.command_line import PROGRAM, Darkstar, environment, run_darkstar
from tests.builders.tools import chromium
from tests.builders.waiting import until


def status(url: str, path: str, **headers: str) -> int:
    """Status of an answer."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse().status
    connection.close()
    return answer


def processes_of(folder: Path) -> list[str]:
    """Command lines of every process that works on a folder's state."""
    mark = f"DARKSTAR_HOME={folder}/state".encode()
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:  # gone meanwhile, or another user's
            continue
    return found


def test_ui_ends_with_two_when_nothing_is_configured(home: Path, darkstar: Darkstar) -> None:
    done = darkstar("ui", "--json")
    assert (done.code, done.error["code"]) == (2, "configuration")
    assert not (home / "state").exists()


def test_ui_ends_with_two_when_the_wanted_port_is_taken(home: Path, darkstar: Darkstar) -> None:
    assert home.is_dir()
    assert darkstar("init", "--yes").code == 0
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = darkstar("ui", "--dagster-port", str(port), "--json")
    assert (done.code, done.error["code"]) == (2, "configuration")
    assert str(port) in done.error["message"]


@dataclass(frozen=True)
class Pages:
    """A running `darkstar ui`: its folder and what it printed."""

    folder: Path
    addresses: dict[str, str]

    @property
    def token(self) -> dict[str, str]:
        """The header of a program that knows the token."""
        token = (self.folder / "state" / "service" / "token").read_text().strip()
        return {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Generator[Pages]:
    """All pages, started once; when they have been looked at, they stop without leaving anything."""
    folder = tmp_path_factory.mktemp("ui")
    assert run_darkstar(folder, "init", "--yes").code == 0
    ports = {name: free_port(23_000 + 1000 * number) for number, name in enumerate(("dagster", "mlflow", "planner"))}
    with subprocess.Popen(
        [PROGRAM, "ui", "--json", *(word for name, port in ports.items() for word in (f"--{name}-port", str(port)))],
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            addresses = json.loads(process.stdout.readline())
            assert {name: addresses[name] for name in ports} == {
                name: f"http://{LOOPBACK}:{port}" for name, port in ports.items()
            }
            yield Pages(folder, addresses)
            leaves_nothing_when_stopped(folder, process)
        finally:
            process.terminate()  # where a check failed; one that ended is left alone


def leaves_nothing_when_stopped(folder: Path, process: subprocess.Popen[str]) -> None:
    """Stop all pages, and look for what they left."""
    readable = Path("/proc/self/environ").exists()
    assert not readable or len(processes_of(folder)) >= 5
    os.kill(process.pid, signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "")
    assert err.endswith("stopped\n")
    until(lambda: processes_of(folder) == [], "no process is left", 5)
    assert (folder / "state" / "mlflow" / "mlflow.db").exists()
    assert not (folder / "mlruns").exists()


MUTATION = f"/graphql?{urlencode({'query': 'mutation { setNuxSeen }'})}"
EXPERIMENTS = "/api/2.0/mlflow/experiments/search?max_results=5"


@pytest.mark.thorough
@pytest.mark.slow
def test_pages_say_nothing_to_strangers_and_do_nothing_for_other_sites(pages: Pages) -> None:
    dagster, mlflow, planner = (pages.addresses[name] for name in ("dagster", "mlflow", "planner"))
    up = [(dagster, "/server_info"), (mlflow, "/health"), (planner, "/health")]
    assert [status(url, path) for url, path in up] == [200] * 3
    closed = [(dagster, "/"), (dagster, MUTATION), (mlflow, "/"), (mlflow, EXPERIMENTS), (planner, "/plan")]
    assert [status(url, path) for url, path in closed] == [401] * 5
    assert [status(url, path, **pages.token) for url, path in [(dagster, MUTATION), (mlflow, EXPERIMENTS)]] == [200] * 2
    for foreign in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}, {"Host": "evil.example"}):
        asked = {**pages.token, **foreign}
        assert [status(url, path, **asked) for url, path in [(dagster, MUTATION), (mlflow, EXPERIMENTS)]] == [403] * 2


@pytest.mark.thorough
@pytest.mark.slow
def test_link_opens_every_page_in_one_browser_and_logging_out_closes_them(pages: Pages) -> None:
    dagster, mlflow, planner = (pages.addresses[name] for name in ("dagster", "mlflow", "planner"))
    live: list[str | bytes] = []

    def hear(frame: str | bytes) -> None:  # playwright takes no method of a list
        live.append(frame)

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium(driver), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 360, "height": 780})
        page.on("websocket", lambda socket: socket.on("framereceived", hear))
        page.goto(dagster)
        expect(page.get_by_label("Token")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
        page.goto(pages.addresses["link"])
        page.wait_for_url(f"{dagster}/**")
        expect(page).to_have_title(re.compile("Overview"), timeout=30_000)
        until(lambda: bool(page.title() and live), "Dagster's page hears from its server by WebSocket")
        page.goto(mlflow)
        expect(page).to_have_title(re.compile("MLflow"), timeout=30_000)
        page.goto(planner)
        expect(page.locator("#content")).to_be_visible()
        copied = {"Cookie": "; ".join(f"{each.get('name')}={each.get('value')}" for each in page.context.cookies())}
        assert status(mlflow, EXPERIMENTS, **copied) == 200
        page.click("#logout")
        expect(page.locator("#login-card")).to_be_visible()
        browser.close()
    closed = [(dagster, MUTATION), (mlflow, EXPERIMENTS), (planner, "/plan")]
    assert [status(url, path, **copied) for url, path in closed] == [401] * 3
    assert status(dagster, urlsplit(pages.addresses["link"]).path) == 401, "the link was for once"


def test_no_password_is_on_a_command_line_when_the_store_s_address_has_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = "postgresql://anna:s3cr3t@db/mlflow"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    monkeypatch.setattr("darkstar_pipeline.tracking.mlflow_store.open_store", lambda _: None)
    chosen = ui._environment(tmp_path)
    programs = ui._services(tmp_path, 1, 2, chosen)
    assert "s3cr3t" not in " ".join(word for program in programs for word in program.command)
    assert chosen["MLFLOW_BACKEND_STORE_URI"] == address
