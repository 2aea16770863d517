"""Sessions are the server's: they end by logging out, with the token and in time, and survive a restart."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from darkstar_pipeline.service.http.session_store import SessionStore
from darkstar_pipeline.service.http.sessions import COOKIE, SESSION_SECONDS, Sessions

NOW = 1_800_000_000.0


def browser(sessions: Sessions, url: str = "http://localhost") -> TestClient:
    def enter(request: Request) -> Response:
        answer = Response(status_code=204)
        sessions.start(request, answer)
        return answer

    def leave(request: Request) -> Response:
        answer = Response(status_code=204)
        sessions.end(request, answer)
        return answer

    def state(request: Request) -> Response:
        return PlainTextResponse(str(sessions.holds(request.scope)))

    return TestClient(Starlette(routes=[Route("/in", enter), Route("/out", leave), Route("/state", state)]), url)


def is_in(sessions: Sessions, key: str) -> bool:
    return browser(sessions).get("/state", headers={"cookie": f"{COOKIE}={key}"}).text == "True"


def kept(path: Path, owner: str = "one", now: Callable[[], float] = lambda: NOW) -> Sessions:
    return Sessions(SessionStore(path, owner=owner, now=now))


@pytest.mark.parametrize(("later", "holds"), [(0, True), (SESSION_SECONDS - 1, True), (SESSION_SECONDS + 1, False)])
def test_session_holds_until_it_expires_across_a_restart(tmp_path: Path, later: int, *, holds: bool) -> None:
    path = tmp_path / "service" / "sessions.secret"
    key = browser(kept(path)).get("/in").cookies[COOKIE]
    after = kept(path, now=lambda: NOW + later)
    assert is_in(after, key) is holds
    assert not is_in(after, key[:-1])
    assert not is_in(kept(path, owner="another token"), key)


def test_copied_cookie_is_dead_when_the_browser_logged_out(tmp_path: Path) -> None:
    path = tmp_path / "sessions.secret"
    first, elsewhere = kept(path), kept(path)
    client = browser(first)
    copied = client.get("/in").cookies[COOKIE]
    assert is_in(first, copied)
    assert is_in(elsewhere, copied), "another page of the same state folder knows it"
    client.get("/out")
    assert client.get("/state").text == "False"
    assert not any(is_in(sessions, copied) for sessions in (first, elsewhere, kept(path)))


def test_log_in_takes_over_no_cookie_and_ends_the_one_before() -> None:
    sessions = Sessions()
    client = browser(sessions)
    client.cookies.set(COOKIE, "planted")
    first = client.get("/in").cookies[COOKIE]
    assert first != "planted"
    assert not is_in(sessions, "planted")
    client.cookies.clear()
    client.cookies.set(COOKIE, first)
    second = client.get("/in").cookies[COOKIE]
    assert second != first
    assert (is_in(sessions, first), is_in(sessions, second)) == (False, True)


@pytest.mark.parametrize(
    ("url", "origin", "secure"),
    [
        ("http://localhost", "http://localhost", False),
        ("https://localhost", "https://localhost", True),
        ("http://localhost", "https://localhost", True),  # a proxy with TLS that is not among `trusted_proxies`
    ],
)
def test_cookie_is_closed_to_scripts_and_other_sites(url: str, origin: str, *, secure: bool) -> None:
    client = browser(Sessions(), url)
    for path in ("/in", "/out"):
        cookie = client.get(path, headers={"origin": origin}).headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert "domain" not in cookie
        assert ("secure" in cookie) == secure
        assert f"max-age={SESSION_SECONDS if path == '/in' else 0};" in cookie


def test_file_lets_nobody_in_who_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "sessions.secret"
    key = browser(kept(path)).get("/in").cookies[COOKIE]
    assert key not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


def test_link_lets_one_in_when_several_use_it(tmp_path: Path) -> None:
    store = SessionStore(tmp_path / "sessions.secret")
    link = store.issue("link", 60)
    assert not store.holds("session", link)
    assert [SessionStore(tmp_path / "sessions.secret").end("link", link) for _ in range(3)] == [True, False, False]


def test_file_stays_small_when_many_log_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("darkstar_pipeline.service.http.session_store.MOST_ENTRIES", 3)
    clock = iter(range(100))
    store = SessionStore(now=lambda: next(clock))
    keys = [store.issue("session", 1000) for _ in range(5)]
    assert [store.holds("session", key) for key in keys] == [False, False, True, True, True]


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"a": "b"}', "é"])
def test_damaged_file_ends_the_sessions_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    path = tmp_path / "sessions.secret"
    key = browser(kept(path)).get("/in").cookies[COOKIE]
    path.write_text(damage)
    sessions = kept(path)
    assert not is_in(sessions, key)
    assert "log in again" in caplog.text
    assert is_in(sessions, browser(sessions).get("/in").cookies[COOKIE])


def test_log_in_and_out_work_until_the_next_start_when_the_disk_takes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(_: Path) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "sessions.secret"
    sessions = kept(path)
    before = browser(sessions).get("/in").cookies[COOKIE]
    monkeypatch.setattr("darkstar_pipeline.service.http.session_store.atomic_write", full)
    with caplog.at_level(logging.WARNING):
        client = browser(sessions)
        key = client.get("/in").cookies[COOKIE]
        assert is_in(sessions, key)
        client.get("/out")
        assert not is_in(sessions, key)
        browser(sessions).get("/out", headers={"cookie": f"{COOKIE}={before}"})
        assert not is_in(sessions, before)
    assert "No space left" in caplog.text
