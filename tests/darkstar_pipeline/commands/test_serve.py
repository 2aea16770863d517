"""`darkstar serve` as a process: it answers within seconds, follows a promotion, and ends on SIGTERM."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from tests.builders.command_line import Darkstar, move_into
from tests.builders.service_home import moment, place_version, put_in_use
from tests.builders.small_home import small_context
from tests.builders.waiting import until

TOKEN = "a token of the tests, long enough"  # noqa: S105 - of nothing but tests


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serving(home: Path, *words: str) -> Generator[tuple[subprocess.Popen[str], httpx2.Client]]:
    """The service as a process, and somebody with the token."""
    port = free_port()
    command = [sys.executable, "-m", "darkstar_pipeline.cli", "serve", "--port", str(port), "--json", *words]
    environment = {
        **os.environ,
        "DARKSTAR_HOME": str(home / "state"),
        "DARKSTAR_CONFIG": str(home / "darkstar.yaml"),
        "DARKSTAR_TOKEN": TOKEN,
    }
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers={"authorization": f"Bearer {TOKEN}"}) as client:
            yield process, client
    finally:
        process.kill()
        process.communicate()


def wait_for_answers(client: httpx2.Client) -> None:
    """Wait until the service answers."""

    def answers() -> bool:
        try:
            client.get("/health")
        except httpx2.TransportError:
            return False
        return True

    until(answers, "the service answers", 30)


def wait_for_plan(client: httpx2.Client) -> None:
    """Wait until the service has a plan."""
    wait_for_answers(client)
    until(lambda: client.get("/ready").json()["ready"], "the service is ready")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with a home in it: state and configuration."""
    context = small_context(tmp_path / "state")
    put_in_use(context, 1, place_version(context, 1))
    (tmp_path / "darkstar.yaml").write_text("sites: {home: {first_day: 2025-01-01, service: {poll_seconds: 0.5}}}\n")
    return tmp_path


@pytest.mark.slow
def test_service_plans_follows_and_goes_when_it_is_a_process(home: Path) -> None:
    with serving(home, "--at", moment().isoformat()) as (process, client):
        wait_for_plan(client)
        assert client.get("/health").status_code == 200
        plan = client.get("/plan").json()
        assert (plan["rung"], plan["model"]["version"]) == ("champion", 1)
        context = small_context(home / "state", filled=False)
        put_in_use(context, 2, place_version(context, 2))
        codes: set[int] = set()

        def follows() -> bool:
            codes.add(client.get("/plan").status_code)
            return client.get("/models").json()["champion"]["version"] == 2

        until(follows, "the service follows the promotion", 50)
        assert codes == {200}
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
        assert process.returncode == 0
        answer = json.loads(out)
        assert answer["site"] == "home"
        assert TOKEN not in out + err


@pytest.mark.thorough
@pytest.mark.slow
def test_service_goes_on_with_its_last_plan_when_it_was_killed(home: Path) -> None:
    with serving(home, "--at", moment().isoformat()) as (_, client):
        wait_for_plan(client)
        before = client.get("/plan").json()["id"]
    later = moment() + timedelta(minutes=1)
    with serving(home, "--at", later.isoformat()) as (_, client):
        wait_for_answers(client)
        first = client.get("/plan").json()
        assert first["verified"]
        assert client.get(f"/plans/{before}").json()["id"] == before


@pytest.mark.parametrize(
    ("words", "expected_error"),
    [
        (("--port", "70000"), "--port"),
        (("--at", "yesterday"), "is not a date and time"),
        (("--site", "cabin"), "cabin"),
    ],
)
def test_service_does_not_start_when_it_is_asked_wrongly(
    home: Path, darkstar: Darkstar, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], expected_error: str
) -> None:
    move_into(home, monkeypatch)
    done = darkstar("serve", *words, "--json")
    assert done.code == 2
    assert expected_error in done.error["message"]


@pytest.mark.usefixtures("in_copy_of_sample")
def test_service_names_the_address_when_it_cannot_have_it(darkstar: Darkstar) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for words, place in ((("--port", port), f"127.0.0.1:{port}"), (("--host", "300.1.1.1"), "300.1.1.1")):
            done = darkstar("serve", *words, "--json")
            assert (done.code, done.error["code"]) == (2, "configuration")
            assert place in done.error["message"]
            assert done.error["hint"]
