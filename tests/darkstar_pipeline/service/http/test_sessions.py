"""Sessions expire, end with the token and by logging out, cannot be made up, and are Secure where the browser is."""

import pytest
from itsdangerous import TimestampSigner
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from darkstar_pipeline.service.http.sessions import COOKIE, SESSION_SECONDS, Sessions, log_in, log_out, logged_in

NOW = 1_800_000_000


def browser(key: str, url: str = "http://localhost") -> TestClient:
    def enter(request: Request) -> Response:
        log_in(request)
        return Response(status_code=204)

    def leave(request: Request) -> Response:
        log_out(request)
        return Response(status_code=204)

    def state(request: Request) -> Response:
        return PlainTextResponse(str(logged_in(request.scope)))

    app = Starlette(routes=[Route("/in", enter), Route("/out", leave), Route("/state", state)])
    app.add_middleware(Sessions, key=key)
    return TestClient(app, base_url=url)


@pytest.mark.parametrize(
    ("later", "holds"), [(0, "True"), (SESSION_SECONDS - 1, "True"), (SESSION_SECONDS + 1, "False")]
)
def test_session_holds_until_it_expires(monkeypatch: pytest.MonkeyPatch, later: int, holds: str) -> None:
    client = browser("key")
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _: NOW)
    cookie = client.get("/in").cookies[COOKIE]
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _: NOW + later)
    assert browser("key").get("/state", headers={"cookie": f"{COOKIE}={cookie}"}).text == holds
    assert browser("another").get("/state", headers={"cookie": f"{COOKIE}={cookie}"}).text == "False"
    assert browser("key").get("/state", headers={"cookie": f"{COOKIE}={cookie[:-1]}"}).text == "False"


def test_session_ends_when_the_browser_logs_out() -> None:
    client = browser("key")
    assert client.get("/state").text == "False"
    client.get("/in")
    assert client.get("/state").text == "True"
    client.get("/out")
    assert client.get("/state").text == "False"


@pytest.mark.parametrize(("url", "secure"), [("http://localhost", False), ("https://localhost", True)])
def test_cookie_is_closed_to_scripts_and_other_sites(url: str, *, secure: bool) -> None:
    cookie = browser("key", url).get("/in").headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert f"max-age={SESSION_SECONDS}" in cookie
    assert ("secure" in cookie) == secure
