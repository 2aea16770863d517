"""The door before Dagster's and MLflow's pages: who may ask, who is let in, and that nothing lies beside it.

`tests/darkstar_pipeline/commands/test_ui.py` asks the real pages.
"""

from collections.abc import Generator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from darkstar_pipeline.service.door.door import Door
from darkstar_pipeline.service.door.door_page import DOOR_PATH
from darkstar_pipeline.service.door.links import DIGEST_VARIABLE, one_time_link, open_in_browser, passed_token
from darkstar_pipeline.service.door.origins import may_pass
from darkstar_pipeline.service.http.sessions import COOKIE, kept_sessions
from darkstar_pipeline.service.http.tokens import TOKEN_VARIABLE, AccessToken

HOST = "127.0.0.1:3000"
URL = f"http://{HOST}"
LIVE = f"ws://{HOST}/graphql"
TOKEN = "a token of the tests, long enough"  # noqa: S105 - of nothing but tests
ACCESS = AccessToken(TOKEN)
BROWSER = {"accept": "text/html,application/xhtml+xml"}


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


@pytest.mark.parametrize(("host", "passes"), [("mlflow:5000", True), ("mlflow:5001", False), ("mlflow", False)])
def test_further_names_are_the_pages_own_when_they_are_given(host: str, *, passes: bool) -> None:
    scope = {"type": "http", "method": "GET", "headers": [(b"host", host.encode())], "query_string": b""}
    assert may_pass(scope, names=("mlflow:5000",)) is passes


@pytest.fixture
def client(tmp_path: Path) -> Generator[TestClient]:
    """Somebody at the door of a page that would tell everybody everything."""

    async def tell(request: Request) -> Response:
        return PlainTextResponse(f"inside {request.url.path}")

    async def live(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("inside")
        await websocket.close()

    page = Starlette(routes=[WebSocketRoute("/graphql", live), Route("/{path:path}", tell, methods=["GET", "POST"])])
    door = Door(page, token=ACCESS, sessions=kept_sessions(tmp_path, ACCESS), open_paths=("/up",))
    with TestClient(door, URL) as found:
        yield found


def test_stranger_sees_the_form_and_nothing_else(client: TestClient) -> None:
    answer = client.get("/runs", headers=BROWSER)
    assert answer.status_code == 401
    assert 'name="token"' in answer.text
    assert "inside" not in answer.text
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert client.get("/api").json()["error"]["code"] == "unauthorized"
    assert client.post("/graphql", content="{}").status_code == 401
    assert client.get(f"{DOOR_PATH}x").status_code == 401
    assert client.get("/up").text == "inside /up"
    assert client.post("/up").status_code == 401
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(LIVE):
        pass


def test_link_lets_the_first_browser_in_and_no_other(client: TestClient, tmp_path: Path) -> None:
    link = one_time_link(tmp_path, ACCESS, URL)
    client.head(link)  # a preview
    opened = client.get(link, headers={"sec-fetch-site": "cross-site", "sec-fetch-dest": "image"})
    assert opened.status_code == 403, "a picture on another site's page does not open it"
    opened = client.get(link)
    assert 'http-equiv="refresh" content="0;url=/"' in opened.text
    assert client.get("/runs").text == "inside /runs"
    with client.websocket_connect(LIVE) as live:
        assert live.receive_text() == "inside"
    assert client.get(link).status_code == 200, "who is in already goes on"
    client.cookies.clear()
    again = client.get(link)
    assert (again.status_code, "used already" in again.text) == (401, True)
    assert "set-cookie" not in again.headers
    assert client.get(f"{DOOR_PATH}/open/made-up").status_code == 401


def test_token_opens_the_door_as_a_form_and_as_a_header(client: TestClient) -> None:
    wrong = client.post(f"{DOOR_PATH}/login", data={"token": "wrong"})
    assert (wrong.status_code, "The token is wrong" in wrong.text) == (401, True)
    assert client.post(f"{DOOR_PATH}/login", content=b"x" * 10_000).status_code == 401
    assert client.get("/runs", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert client.get("/runs", headers={"authorization": f"Bearer {TOKEN}x"}).status_code == 401
    client.post(f"{DOOR_PATH}/login", data={"token": TOKEN})
    assert client.get("/runs").status_code == 200
    assert client.get("/runs", headers={"authorization": "Bearer wrong"}).status_code == 401, "what is shown counts"


def test_logging_out_ends_the_session_for_a_copy_too(client: TestClient) -> None:
    client.post(f"{DOOR_PATH}/login", data={"token": TOKEN})
    copied = client.cookies[COOKIE]
    assert "Log out" in client.get(DOOR_PATH).text
    assert client.post(f"{DOOR_PATH}/logout", headers={"sec-fetch-site": "cross-site"}).status_code == 403
    client.post(f"{DOOR_PATH}/logout")
    client.cookies.clear()
    assert client.get("/runs", headers={"cookie": f"{COOKIE}={copied}"}).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1:8420"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
    ids=str,
)
def test_known_browser_is_refused_when_another_page_has_it_ask(client: TestClient, headers: dict[str, str]) -> None:
    client.post(f"{DOOR_PATH}/login", data={"token": TOKEN})
    assert client.get("/graphql?query=mutation", headers=headers).status_code == 403
    assert client.post(f"{DOOR_PATH}/login", data={"token": TOKEN}, headers=headers).status_code == 403
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(LIVE, headers=headers):
        pass


def test_guessing_is_slowed_down(client: TestClient) -> None:
    codes = [client.post(f"{DOOR_PATH}/login", data={"token": "x"}).status_code for _ in range(22)]
    assert codes == [401] * 20 + [429] * 2
    assert client.get("/", headers={"authorization": "Bearer x"}).status_code == 429
    assert client.get("/", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_hash_of_the_token_is_handed_over_and_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DIGEST_VARIABLE, ACCESS.digest)
    assert passed_token().matches(TOKEN)
    monkeypatch.setenv(TOKEN_VARIABLE, "another token, from the environment")
    assert not passed_token().matches(TOKEN), "it is there once"


def test_link_is_opened_by_a_file_that_nobody_else_can_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setattr("darkstar_pipeline.service.door.links.sys.platform", "linux")
    assert open_in_browser(f"{URL}/x", tmp_path / "ui") is None
    monkeypatch.setenv("DISPLAY", ":0")
    path = open_in_browser(f"{URL}/x", tmp_path / "ui")
    assert path is not None
    assert opened == [path.as_uri()]
    assert path.stat().st_mode & 0o777 == 0o600
    assert f"{URL}/x" in path.read_text()
