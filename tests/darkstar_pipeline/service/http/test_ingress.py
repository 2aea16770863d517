"""Home Assistant's ingress lets its users in without a token; nobody else can pretend to be it."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.http.app import create_app
from darkstar_pipeline.service.http.dependencies import ServiceState
from darkstar_pipeline.service.http.metrics import Metrics
from darkstar_pipeline.service.http.tokens import AccessToken
from darkstar_pipeline.service.server import PlannerServer
from tests.builders.service_home import TOKEN, made_engine
from tests.builders.small_home import small_settings

SUPERVISOR, OTHER = "172.30.32.2", "172.30.33.7"
HOME_ASSISTANT = "http://homeassistant.local:8123"
BROUGHT = {"x-ingress-path": "/api/hassio_ingress/abc"}
Asking = Callable[..., TestClient]


@pytest.fixture(scope="module")
def context(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Context:
    state = Path(shutil.copytree(filled, tmp_path_factory.mktemp("ingress") / "state"))
    return open_context(settings=small_settings(), home=state)


@pytest.fixture(scope="module")
def asking(context: Context) -> Asking:
    """Somebody at an address, who calls the service by a name."""
    engine, _ = made_engine(context)
    engine.check()

    def client(address: str, name: str = HOME_ASSISTANT, ingress: str | None = SUPERVISOR) -> TestClient:
        running = ServiceState(engine=engine, token=AccessToken(TOKEN), metrics=Metrics(), ingress=ingress)
        return TestClient(create_app(running), base_url=name, client=(address, 5), raise_server_exceptions=False)

    return client


def test_user_of_home_assistant_needs_no_token(asking: Asking) -> None:
    client = asking(SUPERVISOR)
    assert client.get("/plan", headers=BROUGHT).status_code == 200
    page = client.get("/", headers=BROUGHT)
    assert "frame-ancestors 'self'" in page.headers["content-security-policy"]
    assert page.headers["x-frame-options"] == "SAMEORIGIN"
    assert 'src="/' not in page.text, "paths are relative to Home Assistant's"
    assert 'href="/' not in page.text
    assert client.post("/replan", headers={**BROUGHT, "origin": HOME_ASSISTANT}).status_code == 200
    assert client.post("/replan", headers={**BROUGHT, "origin": "http://evil.example"}).status_code == 403


def test_supervisor_sees_whether_it_lives_and_no_more(asking: Asking) -> None:
    client = asking(SUPERVISOR, f"http://{OTHER}:8420")
    assert client.get("/health").json()["components"] == []
    assert client.get("/plan").status_code == 401


@pytest.mark.parametrize(
    ("address", "ingress"), [(OTHER, SUPERVISOR), ("127.0.0.1", SUPERVISOR), (SUPERVISOR, None)], ids=str
)
def test_nobody_else_is_let_in_by_the_header(asking: Asking, address: str, ingress: str | None) -> None:
    forged = {**BROUGHT, "x-forwarded-for": SUPERVISOR}
    assert asking(address, ingress=ingress).get("/plan", headers=forged).status_code == 400, "a foreign host"
    client = asking(address, "http://localhost", ingress)
    assert client.get("/plan", headers=forged).status_code == 401
    assert "frame-ancestors 'none'" in client.get("/", headers=forged).headers["content-security-policy"]
    assert client.get("/plan", headers={**forged, "authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_proxies_that_could_pretend_to_be_it_are_refused(context: Context) -> None:
    site = context.site_settings
    service = site.service.model_copy(update={"trusted_proxies": ("10.0.0.1",)})
    proxied = replace(context, site_settings=site.model_copy(update={"service": service}))
    with pytest.raises(ConfigurationError, match="pretend to be the ingress"):
        PlannerServer(proxied, Clock(), ingress=SUPERVISOR)
