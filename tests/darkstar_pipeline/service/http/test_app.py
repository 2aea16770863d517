"""The service over HTTP: what it tells whom, what it refuses, and that it never answers with a mistake of its own."""

import json
import logging
import shutil
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from darkstar_pipeline.console.failures import UsageError
from darkstar_pipeline.context import open_context
from darkstar_pipeline.errors import ConfigurationError, DataMissingError, DataRefusedError, OutsideServiceError
from darkstar_pipeline.home_assistant_api.failures import HomeAssistantError
from darkstar_pipeline.service.engine.planner_engine import PlannerEngine
from darkstar_pipeline.service.http.sessions import COOKIE
from darkstar_pipeline.service.schemas.base import ErrorDocument
from darkstar_pipeline.service.schemas.health import HealthDocument
from darkstar_pipeline.service.schemas.models import ModelsDocument
from darkstar_pipeline.service.schemas.overrides import OverridesDocument
from darkstar_pipeline.service.schemas.plans import CommandDocument, PlanDocument
from env.errors import ShapeError, TimeZoneError
from planner.errors import NoFeasibleScheduleError, PolicyMismatchError
from tests.builders.service_home import TOKEN, asking, client_of, made_engine, moment
from tests.builders.small_home import small_settings

HOSTILE = (
    "'; DROP TABLE plans;--",
    "<img src=x onerror=alert(1)>",
    "../../etc/passwd",
    "%00",
    "\u202e\u0000",
    "A" * 5000,
)


@pytest.fixture(scope="module")
def state(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the filled state folder, since planning writes into it."""
    return Path(shutil.copytree(filled, tmp_path_factory.mktemp("app") / "state"))


@pytest.fixture(scope="module")
def engine(state: Path) -> PlannerEngine:
    made, _ = made_engine(open_context(settings=small_settings(), home=state))
    made.check()
    return made


@pytest.fixture(scope="module")
def client(engine: PlannerEngine) -> Generator[TestClient]:
    with asking(engine) as found:
        yield found


@pytest.fixture
def stranger(engine: PlannerEngine) -> Generator[TestClient]:
    with client_of(engine) as found:
        yield found


def test_documents_are_what_they_are_said_to_be_when_asked(client: TestClient, engine: PlannerEngine) -> None:
    plan = PlanDocument.model_validate_json(client.get("/plan").content)
    assert plan.steering is not None
    plan = plan.model_copy(update={"steering": None})  # that is so at the moment of the answer only
    assert plan == engine.plan()
    command = CommandDocument.model_validate_json(client.get("/command").content)
    assert command.plan_id == plan.id
    assert PlanDocument.model_validate_json(client.get(f"/plans/{plan.id}").content) == plan
    health = HealthDocument.model_validate_json(client.get("/health").content)
    assert {part.name for part in health.components} >= {"planner", "inputs", "champion", "storage"}
    models = ModelsDocument.model_validate_json(client.get("/models").content)
    assert (models.wanted, [row.version for row in models.versions], models.versions[0].in_use) == (1, [1], True)
    assert client.get("/ready").json() == {"ready": True}
    metrics = client.get("/metrics").text
    assert 'darkstar_plan_rung{rung="champion"} 1.0' in metrics
    assert TOKEN not in metrics
    made = client.post("/replan").json()
    assert client.get("/plan").json()["id"] == made["id"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/plan"),
        ("GET", "/command"),
        ("POST", "/replan"),
        ("GET", "/plans/20251026T130300Z-00000000"),
        ("GET", "/models"),
        ("POST", "/models/promote"),
        ("POST", "/models/rollback"),
        ("GET", "/overrides"),
        ("POST", "/overrides"),
        ("DELETE", "/overrides/00000000"),
        ("POST", "/automatic"),
        ("POST", "/readings"),
        ("GET", "/metrics"),
        ("GET", "/openapi.json"),
        ("GET", "/nothing/of/the/kind"),
    ],
)
def test_stranger_is_told_nothing_when_asking(stranger: TestClient, method: str, path: str) -> None:
    answer = stranger.request(method, path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert ErrorDocument.model_validate_json(answer.content).error.code == "unauthorized"
    wrongs: tuple[str | bytes, ...] = ("Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer", b"Bearer \xff")
    for wrong in wrongs:
        answer = stranger.request(
            method, path, headers=[(b"authorization", wrong if isinstance(wrong, bytes) else wrong.encode())]
        )
        assert answer.status_code in (401, 429)


def test_stranger_is_told_only_whether_it_lives_when_asking_for_health(stranger: TestClient) -> None:
    answer = stranger.get("/health")
    assert answer.status_code == 200
    assert answer.json()["components"] == []
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"


def test_browser_has_a_session_when_it_showed_the_token(stranger: TestClient) -> None:
    assert stranger.post("/login", json={"token": "wrong"}).status_code == 401
    shown = stranger.post("/login", json={"token": TOKEN})
    assert shown.status_code == 204
    cookie = shown.headers["set-cookie"]
    assert "httponly" in cookie.lower()
    assert "samesite=strict" in cookie.lower()
    assert TOKEN not in cookie
    assert stranger.get("/plan").status_code == 200
    assert stranger.post("/replan", headers={"origin": "https://elsewhere.example"}).status_code == 403
    assert stranger.post("/replan", headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert stranger.post("/replan", headers={"origin": "http://localhost"}).status_code == 200
    assert stranger.post("/replan", headers={"origin": "http://localhost", "sec-fetch-site": "cross-site"}).is_error
    copied = stranger.cookies[COOKIE]
    assert stranger.post("/logout").status_code == 204
    for cookies in ({}, {"cookie": f"{COOKIE}={copied}"}):
        assert stranger.get("/plan", headers=cookies).status_code == 401


def test_ended_sessions_use_up_no_attempts_at_the_token(stranger: TestClient) -> None:
    ended = {"cookie": f"{COOKIE}=ended-long-ago"}
    answers = [stranger.get("/plan", headers=ended) for _ in range(30)]
    assert {answer.json()["error"]["message"] for answer in answers} == {"this session has ended"}
    assert stranger.post("/login", json={"token": TOKEN}).status_code == 204


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://elsewhere.example"},
        {"origin": "null"},
        {"origin": "http://localhost:9999"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "http://localhost", "sec-fetch-site": "cross-site"},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
    ],
    ids=str,
)
def test_log_in_is_refused_when_another_site_asks_for_it(stranger: TestClient, headers: dict[str, str]) -> None:
    answer = stranger.post("/login", content=json.dumps({"token": TOKEN}), headers=headers)
    assert answer.status_code in (403, 422)
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "cookie", ["", "1.2", "99999999999.0", "x.y", "null", "eyJsb2dnZWRfaW4iOiB0cnVlfQ==.aSoAAA.AAAA", "." * 50, '"']
)
def test_made_up_session_is_refused_when_shown(stranger: TestClient, cookie: str) -> None:
    assert stranger.get("/plan", headers={"cookie": f"{COOKIE}={cookie}"}).status_code == 401


def test_guessing_is_slowed_down_when_it_goes_on(stranger: TestClient) -> None:
    codes = [stranger.get("/plan", headers={"authorization": f"Bearer {guess}"}).status_code for guess in range(30)]
    assert set(codes) == {401}
    late = stranger.get("/plan", headers={"authorization": "Bearer 31"})
    assert late.headers["retry-after"] == "60"
    assert [stranger.post("/login", json={"token": "x"}).status_code for _ in range(3)] == [429] * 3
    assert stranger.get("/plan", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_requests_are_rate_limited_when_they_come_too_fast(state: Path) -> None:
    context = open_context(settings=small_settings(), home=state)
    slow = context.site_settings.service.model_copy(update={"requests_per_second": 0.5, "body_bytes": 2000})
    settings = context.site_settings.model_copy(update={"service": slow})
    engine, _ = made_engine(
        open_context(settings=small_settings().model_copy(update={"sites": {"home": settings}}), home=state)
    )
    with asking(engine) as client:
        codes = [client.get("/health").status_code for _ in range(7)]
        assert codes == [200] * 5 + [429] * 2
        assert client.get("/health").headers["retry-after"] == "10"


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", ""])
def test_other_names_are_not_answered_to(client: TestClient, host: str) -> None:
    assert client.get("/plan", headers={"host": host}).status_code == 400


def test_huge_bodies_are_refused_when_they_say_so_and_when_they_do_not(client: TestClient) -> None:
    said = client.post("/overrides", content=b"x" * 100_000)
    assert said.status_code == 413

    def endless() -> Generator[bytes]:
        for _ in range(100):
            yield b"x" * 10_000

    unsaid = client.post("/overrides", content=endless())
    assert unsaid.status_code == 413
    assert ErrorDocument.model_validate_json(unsaid.content).error.code == "too_large"
    assert client.post("/overrides", headers={"content-length": "many"}, content=b"").status_code in (400, 413)


def test_wish_is_taken_and_ended_when_asked_for(client: TestClient, engine: PlannerEngine) -> None:
    until = engine.clock.now() + timedelta(hours=1)
    body = {"mode": "charge", "until": until.isoformat(), "power_kw": 2.5}
    taken = client.post("/overrides", json=body)
    assert taken.status_code == 201
    listed = OverridesDocument.model_validate_json(client.get("/overrides").content)
    assert [override.id for override in listed.overrides] == [taken.json()["id"]]
    client.post("/replan")
    assert client.get("/command").json()["command"] == "charge 2.5 kW"
    assert client.delete(f"/overrides/{taken.json()['id']}").status_code == 204
    assert client.delete(f"/overrides/{taken.json()['id']}").status_code == 404
    client.post("/replan")
    assert not client.get("/command").json()["overridden"]
    assert not client.post("/automatic", json={"automatic": False}).json()["automatic"]
    assert client.get("/command").json()["default"]
    assert client.post("/automatic", json={"automatic": True}).json()["automatic"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"mode": "charge"}, id="no end"),
        pytest.param({"mode": "charge", "until": "2025-10-26T20:00:00"}, id="no offset"),
        pytest.param({"mode": "explode", "until": "2025-10-26T20:00:00Z"}, id="no such mode"),
        pytest.param({"mode": "charge", "until": "2025-10-26T20:00:00Z", "power_kw": -1}, id="negative"),
        pytest.param({"mode": "charge", "until": "2025-10-26T20:00:00Z", "power_kw": 1e9}, id="too much"),
        pytest.param({"mode": "charge", "until": "2025-10-26T20:00:00Z", "more": 1}, id="surplus"),
        pytest.param({"mode": "charge", "until": 1761508800}, id="no text"),
        pytest.param([], id="a list"),
        pytest.param("charge", id="a word"),
    ],
)
def test_wrong_wish_is_refused_with_its_place(client: TestClient, body: object) -> None:
    answer = client.post("/overrides", json=body)
    assert answer.status_code == 422
    assert ErrorDocument.model_validate_json(answer.content).error.hint
    assert client.get("/overrides").json()["overrides"] == []


def test_every_wrong_value_is_named_when_there_are_several(client: TestClient) -> None:
    message = client.post("/overrides", json={"mode": "explode", "until": 3, "power_kw": -1}).json()["error"]["message"]
    assert [part.split(":")[0] for part in message.split("; ")] == ["body.mode", "body.until", "body.power_kw"]
    many = client.post("/overrides", json={f"key{number}": 0 for number in range(100)}).json()["error"]["message"]
    assert many.endswith("and 82 more")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        pytest.param(UsageError("wrong", "fix it"), 422, "usage", id="usage"),
        pytest.param(ConfigurationError("wrong", "fix it"), 422, "configuration", id="configuration"),
        pytest.param(TimeZoneError("Nowhere"), 422, "configuration", id="a wrong site"),
        pytest.param(DataMissingError("nothing", "import it"), 404, "data_missing", id="missing"),
        pytest.param(DataRefusedError("no", "train"), 409, "data_refused", id="refused"),
        pytest.param(PolicyMismatchError("damaged"), 409, "model_refused", id="another tariff"),
        pytest.param(NoFeasibleScheduleError("no"), 409, "no_feasible_schedule", id="infeasible"),
        pytest.param(OutsideServiceError("away", "wait"), 503, "outside_service", id="outside"),
        pytest.param(HomeAssistantError("away", "wait"), 503, "home_assistant", id="home assistant"),
        pytest.param(ShapeError("secret shapes"), 500, "internal_error", id="ours"),
    ],
)
def test_status_and_code_are_those_of_the_error_when_a_route_raises_it(
    client: TestClient, engine: PlannerEngine, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, code: str
) -> None:
    def fails() -> None:
        raise error

    monkeypatch.setattr(engine, "replan", fails)
    answer = client.post("/replan")
    document = ErrorDocument.model_validate_json(answer.content).error
    assert (answer.status_code, document.code) == (status, code)
    assert document.hint
    assert ("secret" in answer.text) is False


@pytest.mark.parametrize("until", ["2025-10-26T10:00:00Z", "2026-10-26T10:00:00Z", "9999-12-31T23:59:59Z"])
def test_wish_that_ended_or_ends_too_late_is_refused_when_asked_for(client: TestClient, until: str) -> None:
    answer = client.post("/overrides", json={"mode": "charge", "until": until})
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "wrong_moment"
    assert "until" in answer.json()["error"]["message"]


def test_reserve_that_the_battery_cannot_hold_is_refused_as_settings_refuse_it(client: TestClient) -> None:
    answer = client.post("/overrides", json={"mode": "reserve", "until": "2025-10-26T20:00:00Z", "reserve_percent": 95})
    assert answer.status_code == 422
    assert "at most 88" in answer.json()["error"]["message"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_refused_wherever_it_stands(client: TestClient, text: str) -> None:
    quoted = text.encode("utf-8", "surrogatepass").hex("%")
    for path in ("/plans/", "/overrides/", "/static/", "/"):
        answer = client.get(f"{path}%{quoted}")
        assert answer.status_code in (400, 404, 405, 422), path
        assert "onerror" not in answer.text or answer.headers["content-type"] == "application/json"
    for path, key in (("/overrides", "mode"), ("/models/promote", "version"), ("/automatic", "automatic")):
        answer = client.post(path, json={key: text})
        assert answer.status_code == 422
        ErrorDocument.model_validate_json(answer.content)
    assert client.post("/login", json={"token": text}).status_code in (401, 422, 429)


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/..%2fapp.py", "/static/%2e%2e/secrets.py", "/static//etc/passwd"]
)
def test_files_elsewhere_are_not_given_when_asked_for_by_tricks(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "import" not in answer.text


def test_method_that_is_not_there_is_refused_with_those_that_are(client: TestClient) -> None:
    for path, allowed in (
        ("/plan", "GET"),
        ("/static/main.js", "GET, HEAD"),
        ("/overrides", "GET, POST"),
        ("/overrides/1a2b3c4d", "DELETE"),
    ):
        answer = client.put(path)
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    nothing = client.get("/nothing")
    assert (nothing.status_code, nothing.json()["error"]["hint"] != "") == (404, True)
    assert "/nothing" in nothing.json()["error"]["message"]
    unreadable = client.post("/overrides", content=b"{", headers={"content-type": "application/json"})
    assert (unreadable.status_code, unreadable.json()["error"]["code"]) == (400, "bad_request")
    assert client.get("/plan/").status_code == 404


def test_model_moves_are_refused_when_nothing_speaks_for_them(client: TestClient) -> None:
    for path, body in (
        ("/models/promote", {"version": 9, "why": "try it"}),
        ("/models/promote", {"version": 1, "why": "try it"}),
    ):
        answer = client.post(path, json=body)
        assert answer.status_code in (404, 409)
        assert ErrorDocument.model_validate_json(answer.content).error.hint
    assert client.post("/models/promote", json={"version": 1, "why": ""}).status_code == 422


def test_internal_error_is_answered_without_its_message_when_one_happens(
    client: TestClient, engine: PlannerEngine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails() -> None:
        message = f"the token is {TOKEN}"
        raise ZeroDivisionError(message)

    monkeypatch.setattr(engine, "replan", fails)
    with caplog.at_level(logging.DEBUG):
        answer = client.post("/replan")
    assert answer.status_code == 500
    assert TOKEN not in answer.text
    assert ErrorDocument.model_validate_json(answer.content).error.code == "internal_error"


def test_openapi_document_names_every_error_and_an_example_when_read(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert {"/plan", "/command", "/replan", "/plans/{plan_id}", "/health", "/ready", "/metrics"} <= set(
        document["paths"]
    )
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], (method, path)
            assert {"400", "401", "413", "422", "429"} <= set(operation["responses"]), (method, path)
    assert json.dumps(document).count("examples") > 10


def test_moment_of_the_tests_is_where_the_clock_stands(engine: PlannerEngine) -> None:
    assert engine.clock.now() == moment()
