"""Dagster's page answers nobody but itself and the address bar: asked of the real Dagster."""

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from darkstar_pipeline.console.guarded_page import may_pass
from darkstar_pipeline.console.supervisor import LOOPBACK, free_port
from tests.builders.waiting import until

HOST = "127.0.0.1:3000"


@pytest.mark.parametrize(
    ("headers", "query", "passes"),
    [
        ({"host": HOST}, b"", True),
        ({"host": "localhost:3000", "origin": "http://localhost:3000"}, b"", True),
        ({"host": "[::1]:3000"}, b"", True),
        ({"host": HOST, "sec-fetch-site": "same-origin"}, b"query=x", True),
        ({"host": HOST, "sec-fetch-site": "none"}, b"query=x", True),
        ({}, b"", False),
        ({"host": "evil.example"}, b"", False),
        ({"host": "127.0.0.1.evil.example"}, b"", False),
        ({"host": "localhost@evil.example"}, b"", False),
        ({"host": "192.168.1.5:3000"}, b"", False),
        ({"host": "[::1"}, b"", False),
        ({"host": HOST, "origin": "http://evil.example"}, b"", False),
        ({"host": HOST, "origin": "null"}, b"", False),
        ({"host": HOST, "origin": "http://127.0.0.1:8420"}, b"", False),
        ({"host": HOST, "sec-fetch-site": "cross-site"}, b"query=x", False),
        ({"host": HOST, "sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"}, b"", False),
        ({"host": HOST, "sec-fetch-site": "cross-site", **dict.fromkeys(("sec-fetch-mode",), "navigate")}, b"", False),
    ],
)
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_only_the_page_itself_and_the_address_bar_pass(
    kind: str, headers: dict[str, str], query: bytes, *, passes: bool
) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": kind, "headers": raw, "query_string": query}
    assert may_pass({**scope, "method": "GET"} if kind == "http" else scope) is passes


@pytest.mark.parametrize(
    ("method", "query", "passes"), [("GET", b"", True), ("GET", b"q", False), ("POST", b"", False)]
)
def test_a_link_from_elsewhere_opens_the_page_and_does_nothing_else(method: str, query: bytes, *, passes: bool) -> None:
    opened = [(b"sec-fetch-site", b"cross-site"), (b"sec-fetch-mode", b"navigate"), (b"sec-fetch-dest", b"document")]
    scope = {"type": "http", "method": method, "headers": [(b"host", HOST.encode()), *opened], "query_string": query}
    assert may_pass(scope) is passes


@pytest.fixture(scope="module")
def dagster(tmp_path_factory: pytest.TempPathFactory) -> Generator[int]:
    """Dagster's page on an empty code location; its port."""
    folder: Path = tmp_path_factory.mktemp("dagster")
    (folder / "empty.py").write_text("import dagster\n\ndefs = dagster.Definitions()\n")
    port = free_port(26_000)
    command = [sys.executable, "-m", "darkstar_pipeline.console.guarded_page"]
    with subprocess.Popen(
        [*command, "-h", LOOPBACK, "-p", str(port), "-f", str(folder / "empty.py")],
        cwd=folder,
        env={**os.environ, "DAGSTER_HOME": str(folder), "DO_NOT_TRACK": "true"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            until(lambda: asked(port, "/server_info")[0] == 200, "Dagster answers", 90)
            yield port
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(20)


def asked(port: int, path: str, **headers: str) -> tuple[int, bytes]:
    """Status and body of an answer; 0 where there is none."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=30)
    try:
        connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except OSError:
        return 0, b""
    finally:
        connection.close()


MUTATION = "mutation { setNuxSeen }"


@pytest.mark.slow
def test_dagster_runs_no_mutation_for_another_site(dagster: int) -> None:
    path = f"/graphql?{urlencode({'query': MUTATION})}"
    assert asked(dagster, path, Sec_Fetch_Site="cross-site")[0] == 403
    assert asked(dagster, path, Origin="http://evil.example")[0] == 403
    assert asked(dagster, path, Host="evil.example")[0] == 403
    status, body = asked(dagster, path, Sec_Fetch_Site="same-origin")
    assert (status, json.loads(body)["data"]["setNuxSeen"]) == (200, True)


@pytest.mark.slow
def test_dagster_opens_no_websocket_for_another_site(dagster: int) -> None:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec_WebSocket_Version": "13",
        "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec_WebSocket_Protocol": "graphql-ws",
    }
    assert asked(dagster, "/graphql", **upgrade, Origin="http://evil.example")[0] == 403
    assert asked(dagster, "/graphql", **upgrade, Origin=f"http://{LOOPBACK}:{dagster}")[0] == 101
