"""Uvicorn's configuration: the limits of connections, and whose headers are believed."""

import socket

import uvicorn
from fastapi import FastAPI

from darkstar_pipeline.config.service import ServiceSettings
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.service.http.connections import (
    ConnectionGate,
    ConnectionLimits,
    guarded_protocol,
    reserve_descriptors,
)
from darkstar_pipeline.service.http.metrics import RequestMetrics
from darkstar_pipeline.warehouse.day_files import prepare_reading

KEEP_ALIVE_SECONDS = 30
STOP_SECONDS = 10


def connection_limits(settings: ServiceSettings) -> ConnectionLimits:
    """Return the limits of connections that the settings ask for, and the system's file descriptors allow."""
    most = min(settings.connections, reserve_descriptors())
    return ConnectionLimits(connections=most, body_bytes=settings.body_bytes)


def open_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address; requests wait until the service answers.

    Raises:
        ConfigurationError: there is no such address here, or another program listens there.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ConfigurationError(
            f"--host {host} is no address: {error.strerror}", "use 127.0.0.1 or 0.0.0.0"
        ) from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen()
    except OSError as error:
        listening.close()
        message = f"the service cannot listen on {host}:{port}: {error.strerror}"
        raise ConfigurationError(message, "choose another --port, or stop the program that listens there") from error
    return listening


def listener_config(
    app: FastAPI,
    *,
    host: str,
    port: int,
    metrics: RequestMetrics,
    limits: ConnectionLimits,
    trusted_proxies: tuple[str, ...] = (),
) -> uvicorn.Config:
    """Return uvicorn's configuration, without WebSockets and with the limits of connections.

    Args:
        app: the application.
        host: address to listen on.
        port: port to listen on.
        metrics: count closed connections.
        limits: limits of connections.
        trusted_proxies: addresses whose forwarding headers are believed.
    """
    prepare_reading()
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=guarded_protocol(ConnectionGate(limits, metrics.count_closed)),
        ws="none",
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
