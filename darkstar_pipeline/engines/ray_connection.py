"""Joins a cluster of Ray, or starts one on this machine; a person is told what is wrong where that fails."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib import import_module
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast
from urllib.parse import urlsplit

import stamina

from darkstar_pipeline.errors import ConfigurationError, OutsideServiceError
from planner.local_engine import ATTEMPTS

EXTRA = "pip install 'darkstar-pipeline[fleet]'"
PACKAGES = ("env", "planner", "darkstar_pipeline", "assets", "jobs")
"""What a cluster's workers are given, so that every node computes by the same code as this process."""
PROBE_SECONDS = 5.0
_QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}


def ray_module() -> Any:  # noqa: ANN401 - its own types are partly unknown
    """Return Ray.

    Raises:
        ConfigurationError: it is not installed.
    """
    if find_spec("ray") is None:
        message = "engine.kind: ray needs Ray, which is not installed"
        raise ConfigurationError(message, f"run `{EXTRA}`, or set kind: local")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would tell its makers
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # else it warns of a change to come
    # It writes to stdout of every worker that was lost, where a command's JSON goes; its own logs say it too.
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")
    import ray

    return cast("Any", ray)


def connect(address: str | None, workers: int | None) -> Callable[[], None]:
    """Join a cluster; return what leaves it.

    Args:
        address: as for `RayEngine`.
        workers: cores of the cluster that is started where there is no address; None for all.

    Raises:
        ConfigurationError: Ray is not installed, or its version or Python's differs from the cluster's.
        OutsideServiceError: the cluster cannot be reached.
    """
    ray = ray_module()
    if ray.is_initialized():  # a run that Ray itself has started: no cluster within a cluster
        return lambda: None
    # Ray leaves its client mode on where a client's head died or refused it; another client turns it on again.
    import_module("ray._private.client_mode_hook")._explicitly_disable_client_mode()  # noqa: SLF001
    with _sigterm_kept():
        if address is None:
            return _start(workers)
        _join(address)
    return ray.shutdown


@contextmanager
def _sigterm_kept() -> Generator[None]:
    """Leave SIGTERM to whoever had it: Ray takes it to abort the process with a stack."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


def _start(workers: int | None) -> Callable[[], None]:
    """Start a cluster of this machine alone, with a folder of its own; return what ends it."""
    ray = ray_module()
    folder = TemporaryDirectory(prefix="darkstar-ray-", ignore_cleanup_errors=True)

    def end() -> None:
        ray.shutdown()
        folder.cleanup()

    try:
        ray.init(
            address="local",
            num_cpus=workers,
            include_dashboard=False,
            # Ray opens its folder to everybody; the one around it is ours alone.
            _temp_dir=str(Path(folder.name) / "ray"),
            _system_config={"task_oom_retries": ATTEMPTS - 1},  # else for ever
            **_QUIET,
        )
    except Exception as error:
        end()
        message = f"Ray could not be started on this machine: {error}"
        raise OutsideServiceError(message, "free memory and space in the folder of temporary files") from error
    return end


def _join(address: str) -> None:
    """Join a cluster, with the code of this process for its workers."""
    ray = ray_module()
    _probe(address)
    code = {"py_modules": [str(_folder(package)) for package in PACKAGES]}
    stamina.instrumentation.set_on_retry_hooks([])  # its own writes to stdout, where a command's JSON goes
    try:
        for attempt in stamina.retry_context(on=_is_slow_start, attempts=ATTEMPTS, timeout=None):
            with attempt:
                ray.init(address=address, runtime_env=code, **_QUIET)
    except ConnectionError as error:
        raise _unreachable(address, str(error)) from error
    except RuntimeError as error:
        if "ersion" not in str(error):
            raise _unreachable(address, str(error)) from error
        message = f"the Ray cluster at {address} has other versions than this process: {error}"
        raise ConfigurationError(message, "install the same Ray and Python (to the last number) on both") from error


def _is_slow_start(error: Exception) -> bool:
    """Return whether a busy head did not start the process of this client within Ray's half a minute."""
    return isinstance(error, ConnectionError) and "Starting Ray client server failed" in str(error)


def head_of(address: str | None) -> tuple[str, int] | None:
    """Return host and port at which the head of the cluster that was joined listens; None of a client."""
    if address is not None and address.startswith("ray://"):
        return None
    host, _, port = str(ray_module().get_runtime_context().gcs_address).rpartition(":")
    return host, int(port)


def listens(place: tuple[str, int]) -> bool:
    """Return whether anybody listens at a host and port."""
    try:
        socket.create_connection(place, PROBE_SECONDS).close()
    except OSError:
        return False
    return True


def _probe(address: str) -> None:
    """Refuse an address that nobody listens on: Ray itself would try for minutes.

    Raises:
        ConfigurationError: it is no address.
        OutsideServiceError: nobody listens.
    """
    if address == "auto":
        return
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if host is None or port is None:
        hint = "write auto, host:port (on a node of the cluster) or ray://host:10001 (from elsewhere)"
        raise ConfigurationError(f"engine.address: {address!r} is no address of Ray", hint)
    try:
        socket.create_connection((host, port), PROBE_SECONDS).close()
    except OSError as error:
        raise _unreachable(address, str(error)) from error


def _unreachable(address: str, why: str) -> OutsideServiceError:
    reason = why.strip().splitlines()[-1]  # the first lines of an answer of the head are its stack
    message = f"the Ray cluster at {address} (engine.address) cannot be reached: {reason}"
    hint = "start it with `ray start --head --ray-client-server-port=10001`, or leave out engine.address"
    return OutsideServiceError(message, hint)


def _folder(package: str) -> Path:
    """Return where a package of ours lies."""
    return Path(str(files(package)))
