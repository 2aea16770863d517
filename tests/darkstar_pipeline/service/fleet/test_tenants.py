"""No way from one tenant to another: to a tenant the fleet is as if the others' homes did not exist."""

import base64
import shutil
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from darkstar_pipeline.fleet.homes_file import change_homes
from darkstar_pipeline.service.fleet.app import GUARDED, OPENED, create_fleet_app
from darkstar_pipeline.service.fleet.server import FleetServer
from darkstar_pipeline.service.fleet.tenant_tokens import TenantTokens
from tests.darkstar_pipeline.service.fleet.conftest import Ask, asking, served

OWN, FOREIGN = ("home000", "home002"), ("home001", "home003", "home007")
NOBODY = ("home999", "HOME000", "home000 ", "a", "%2e%2e", "home00*")
SITES = st.sampled_from([*OWN, *FOREIGN, *NOBODY])
SLOTS = st.sampled_from(
    ["2025-10-26T09:45:00Z", "2025-10-26T10:45:00Z", "2025-10-26T09:50:00Z", "2024-01-01T00:00:00Z"]
)


def cursor_of(site: str) -> str:
    return base64.urlsafe_b64encode(site.encode()).decode()


QUERY: dict[str, st.SearchStrategy[Any]] = {
    "area": st.sampled_from(["SE3", "SE4", "FI", ""]),
    "tariff": st.sampled_from(["plain", "power", "x"]),
    "state": st.sampled_from(["planned", "stale", "no_plan", "x"]),
    "like": st.sampled_from(["home", "001", "3", ""]),
    "order": st.sampled_from(["site", "saving", "tenant"]),
    "cursor": st.one_of(
        SITES.map(cursor_of),
        SITES.map(lambda site: cursor_of(f"{site}@0011")),
        st.sampled_from(["", "x", "////", "LTE="]),
    ),
    "limit": st.integers(-1, 5),
}
QUERIES = st.fixed_dictionaries({}, optional=QUERY)
READINGS = st.lists(
    st.fixed_dictionaries(
        {"site": SITES, "slot_start": SLOTS, "load_kwh": st.sampled_from([0.1, 0.2, -1.0])},
        optional={"pv_kwh": st.just(0.1), "soc_end_percent": st.sampled_from([40.0, 900.0])},
    ),
    min_size=1,
    max_size=6,
)


@pytest.fixture(scope="module")
def worlds(planned: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[TestClient, TestClient, list[str]]:
    """A tenant's client in the fleet and in one without the others' homes, and the ETags of the others' plans."""
    folder = tmp_path_factory.mktemp("worlds")
    servers: list[FleetServer] = []
    for name in ("all", "own"):
        shutil.copytree(planned, folder / name)
        if name == "own":
            change_homes(folder / name, lambda rows: rows.filter(rows["tenant"] == "a"))
        servers.append(served(folder / name))
    frozen = servers[0].running.clock.now()
    for server in servers:
        server.running.clock.now = lambda: frozen  # pyright: ignore[reportAttributeAccessIssue]
    operator = asking(servers[0], None)
    tags = [operator.get(f"/sites/{site}/plan").headers.get("etag", "none") for site in FOREIGN]
    both, own = (asking(server, "a", ("read", "write")) for server in servers)
    return both, own, tags


def routes() -> list[tuple[str, str]]:
    """Every method and path of the application."""
    found = [route for router in (*GUARDED, *OPENED) for route in router.routes if isinstance(route, APIRoute)]
    return [(method, route.path) for route in found for method in sorted(route.methods or ())]


def untried(app: FastAPI) -> list[str]:
    """Return the routes and the places for a value that the property below would never try."""
    known = {path for _, path in routes()} | {"/openapi.json", "/static", "/static/fleet"}
    found = [path for path in (getattr(route, "path", None) for route in app.routes) if path and path not in known]
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            names = [each["name"] for each in operation.get("parameters", ())]
            unknown = [name for name in names if name not in ("site", "if-none-match", *QUERY)]
            bodies = ["body"] if "requestBody" in operation and path not in ("/readings", "/login") else []
            there = (method.upper(), path) in routes()
            found += [f"{method} {path} {what}" for what in ([] if there else ["route"]) + unknown + bodies]
    return found


def test_the_property_tries_every_route_and_every_place_for_a_value(service: FleetServer) -> None:
    app = create_fleet_app(service.running)
    assert not untried(app), "teach `routes`, SITES, QUERY or READINGS to try it"

    @app.get("/homes/{home}")
    def planted(home: str, of: str = "") -> str:
        return home + of

    app.openapi_schema = None
    assert untried(app) == [
        "/homes/{home}", "get /homes/{home} route", "get /homes/{home} home", "get /homes/{home} of",
    ]  # fmt: skip
    del planted


@pytest.mark.parametrize(("method", "path"), routes())
def test_no_route_names_anothers_home_to_a_tenant(
    worlds: tuple[TestClient, TestClient, list[str]], method: str, path: str
) -> None:
    if path in ("/login", "/logout"):
        return
    for site in (OWN[0], "home999"):
        sent: dict[str, Any] = {"json": {"readings": []}} if method == "POST" else {"params": {"limit": 5}}
        told_of = worlds[0].request(method, path.replace("{site}", site), **sent).text
        assert not any(foreign in told_of for foreign in FOREIGN), path


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_tenant_gets_the_same_answers_as_if_others_homes_did_not_exist(
    worlds: tuple[TestClient, TestClient, list[str]], data: st.DataObject
) -> None:
    both, own, tags = worlds
    method, path = data.draw(st.sampled_from([each for each in routes() if each[1] not in ("/login", "/logout")]))
    url = path.replace("{site}", data.draw(SITES))
    request: dict[str, Any] = {"params": data.draw(QUERIES)}
    if data.draw(st.booleans()):
        request["headers"] = {"if-none-match": data.draw(st.sampled_from(tags))}
    if method == "POST":
        request["json"] = {"readings": data.draw(READINGS)}
    answers = [client.request(method, url, **request) for client in (both, own)]
    assert told(answers[0]) == told(answers[1]), (method, url, request)
    assert answers[0].status_code < 500
    assert not any(site in answers[0].text for site in FOREIGN if site not in url and site not in str(request))


def told(answer: Any) -> tuple[int, dict[str, str], bytes]:
    headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    return answer.status_code, headers, answer.content


@pytest.mark.parametrize("site", FOREIGN)
def test_every_route_of_a_home_knows_nothing_of_anothers(
    worlds: tuple[TestClient, TestClient, list[str]], site: str
) -> None:
    both, _, _ = worlds
    of_a_home = [(method, path) for method, path in routes() if "{site}" in path]
    assert len(of_a_home) >= 3
    for method, path in of_a_home:
        answer = both.request(method, path.replace("{site}", site))
        nobody = both.request(method, path.replace("{site}", "home999"))
        assert (answer.status_code, nobody.status_code) == (404, 404)
        assert answer.text.replace(site, "home999") == nobody.text


def test_strangers_are_told_to_show_a_token(ask: Ask, service: FleetServer) -> None:
    client = TestClient(create_fleet_app(service.running), base_url="http://localhost")
    for path in ("/sites", "/sites/home000/plan", "/fleet/summary", "/metrics", "/openapi.json"):
        assert client.get(path).status_code == 401, path
        assert client.get(path, headers={"authorization": "Bearer dsf_1_x"}).status_code == 401, path
    del ask


def test_a_revoked_token_opens_nothing_and_its_sessions_go(service: FleetServer, state: Path) -> None:
    tokens = service.running.admission.tokens
    kept, secret = tokens.create("a", ("read",))
    client = TestClient(create_fleet_app(service.running), base_url="http://localhost")
    assert client.post("/login", json={"token": "wrong"}).status_code == 401
    assert client.post("/login", json={"token": secret}).status_code == 204
    assert client.get("/sites").json()["matching"] == 4
    other, others = tokens.create("a", ("read",))
    client_of_other = TestClient(client.app, base_url="http://localhost")
    client_of_other.post("/login", json={"token": others})
    assert TenantTokens(state).revoke(kept.id)  # as the command does, in a process of its own
    assert client.get("/sites").status_code == 401
    assert client.get("/sites", headers={"authorization": f"Bearer {secret}"}).status_code == 401
    assert not list(tokens.sessions.glob(f"*{kept.id}*")), "its sessions go with it"
    assert client_of_other.get("/sites").status_code == 200
    service.running.admission.sessions(kept).store.issue("session", 60.0)  # a log-in that was under way meanwhile
    tokens.revoke(other.id)
    assert not list(tokens.sessions.iterdir())


def test_a_session_is_of_its_token_and_ends_at_logout(service: FleetServer) -> None:
    tokens = service.running.admission.tokens
    (_, one), (other, _) = tokens.create("a", ("read",)), tokens.create("b", ("read",))
    client = TestClient(create_fleet_app(service.running), base_url="http://localhost")
    client.post("/login", json={"token": one})
    cookie = client.cookies["darkstar_session"]
    shown = {"cookie": f"darkstar_session={cookie}"}
    forged = {"cookie": f"darkstar_session={other.id}.{cookie.partition('.')[2]}"}
    client.cookies.clear()
    assert client.get("/sites", headers=forged).status_code == 401, "a session under another token's name is none"
    assert client.get("/sites", headers=shown).status_code == 200
    assert client.post("/logout", headers=shown).status_code == 204
    assert client.get("/sites", headers=shown).status_code == 401


def test_a_tenant_that_logs_in_a_thousand_times_ends_no_session_of_another(
    service: FleetServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("darkstar_pipeline.service.http.session_store.MOST_ENTRIES", 3)
    tokens = service.running.admission.tokens
    one, other = (TestClient(create_fleet_app(service.running), base_url="http://localhost") for _ in range(2))
    one.post("/login", json={"token": tokens.create("a", ("read",))[1]})
    secret = tokens.create("b", ("read",))[1]
    for _ in range(4):
        other.cookies.clear()
        assert other.post("/login", json={"token": secret}).status_code == 204
    assert (one.get("/sites").status_code, other.get("/sites").status_code) == (200, 200)


def test_damaged_tokens_let_nobody_in_and_health_still_answers(service: FleetServer, state: Path) -> None:
    client = asking(service, "a")
    good = (state / "fleet" / "tokens.secret").read_text()
    (state / "fleet" / "tokens.secret").write_text('{"tok')
    assert client.get("/sites").status_code == 401
    assert client.get("/health").json() == {"status": "degraded", "components": []}
    assert (client.get("/ready").status_code, client.get("/").status_code) == (200, 200)
    assert client.post("/login", json={"token": "x"}).status_code == 401, "the path of the file is told to nobody"
    (state / "fleet" / "tokens.secret").write_text(good)
    assert client.get("/sites").status_code == 200
    assert client.get("/health").json()["status"] == "ok"


def test_the_pace_is_counted_by_tenant_when_one_has_many_tokens(service: FleetServer) -> None:
    slow = service.running.service.model_copy(update={"requests_per_second": 0.5})
    object.__setattr__(service.running, "service", slow)
    app = create_fleet_app(service.running)
    secrets = [service.running.admission.tokens.create("a", ("read",))[1] for _ in range(2)]
    other = service.running.admission.tokens.create("b", ("read",))[1]
    client = TestClient(app, base_url="http://localhost")
    asked = [client.get("/sites", headers={"authorization": f"Bearer {secrets[number % 2]}"}) for number in range(7)]
    assert [answer.status_code for answer in asked] == [200] * 5 + [429] * 2
    assert client.get("/sites", headers={"authorization": f"Bearer {other}"}).status_code == 200
