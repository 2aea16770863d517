"""A cluster that cannot be joined is told in a sentence with its remedy, before anything is computed."""

import socket
import time
from importlib import import_module
from types import SimpleNamespace

import pytest

from darkstar_pipeline.engines import ray_connection, ray_engine
from darkstar_pipeline.engines.ray_connection import connect, ray_module
from darkstar_pipeline.engines.ray_engine import RayEngine
from darkstar_pipeline.errors import ConfigurationError, OutsideServiceError


@pytest.fixture
def nobody() -> str:
    """Return an address that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def test_extra_is_named_when_ray_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_connection, "find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=r"engine\.kind: ray needs Ray") as refused:
        connect(None, None)
    assert "pip install 'darkstar-pipeline[fleet]'" in refused.value.hint


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_address_is_named_when_nobody_listens(scheme: str, nobody: str) -> None:
    with pytest.raises(OutsideServiceError, match=rf"the Ray cluster at {scheme}{nobody} \(engine\.address\) cannot"):
        connect(scheme + nobody, None)


@pytest.mark.parametrize("address", ["head", "ray://head", "head:many", "head:70000"])
def test_address_without_host_and_port_is_refused(address: str) -> None:
    with pytest.raises(ConfigurationError, match="is no address of Ray"):
        connect(address, None)


def unanswered(waited: list[object], *, timeout: float) -> tuple[list[object], list[object]]:
    """Wait as Ray does for what never comes, for a hundredth of a second at most."""
    time.sleep(min(timeout, 0.01))
    return [], waited


@pytest.mark.parametrize("is_there", [True, False])
def test_a_head_that_nobody_listens_at_any_more_is_lost(
    nobody: str, monkeypatch: pytest.MonkeyPatch, *, is_there: bool
) -> None:
    host, _, port = nobody.partition(":")
    with socket.create_server((host, 0)) as server:
        place = (host, server.getsockname()[1] if is_there else int(port))
        monkeypatch.setattr(ray_engine, "head_of", lambda _: place)
        monkeypatch.setattr(ray_engine, "ray_module", lambda: SimpleNamespace(wait=unanswered))
        engine = RayEngine("auto", deadline_seconds=0.05 if is_there else 3600.0)
        if is_there:
            assert engine._done(["a shard"]) == []
        else:
            with pytest.raises(ConnectionError, match=f"nobody has listened at {nobody} for 20 s"):
                engine._done(["a shard"])


@pytest.mark.slow  # Ray is imported
def test_client_mode_that_a_lost_head_left_on_is_left_before_another_cluster_is_joined(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ray_module()
    hook = import_module("ray._private.client_mode_hook")
    monkeypatch.setattr(hook, "is_client_mode_enabled", True)
    found: list[bool] = []
    monkeypatch.setattr(ray_connection, "_join", lambda _: found.append(hook.is_client_mode_enabled))
    connect("auto", None)
    assert found == [False]


@pytest.mark.slow  # Ray is imported
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (RuntimeError("Version mismatch: Ray 2.9 and 2.60, Python 3.12.1 and 3.11.7"), ConfigurationError),
        (RuntimeError("no node of it runs on this machine"), OutsideServiceError),
        (ConnectionError("could not find any running Ray instance"), OutsideServiceError),
    ],
)
def test_reason_is_told_when_ray_refuses(
    said: Exception, expected: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise said

    monkeypatch.setattr(ray_module(), "init", refuse)
    with pytest.raises(expected, match=str(said).split(":", maxsplit=1)[0]):
        connect("auto", None)
