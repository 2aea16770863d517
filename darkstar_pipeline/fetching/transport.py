"""Connections of the client: at a pace, through the proxies of the environment, and ended at the deadline."""

import os
import ssl
import threading
import weakref
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from typing import Any
from urllib.request import getproxies, proxy_bypass

import httpx2

from darkstar_pipeline.fetching.pace import Pace

OFFLINE = "DARKSTAR_OFFLINE"
"""Where this variable is set, no other machine is asked: tests set it, so that none reaches the outside."""
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_CONNECTED = ("connect_tcp.complete", "start_tls.complete")


def may_ask(host: str) -> bool:
    """Return whether another machine may be asked; where `DARKSTAR_OFFLINE` is set, only this one."""
    return not os.environ.get(OFFLINE) or host in _LOOPBACK


def proxy_of(url: httpx2.URL) -> str | None:
    """Return the proxy that the environment names for an address: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, but NO_PROXY.

    This machine itself needs none.
    """
    if url.host in _LOOPBACK or proxy_bypass(url.host):
        return None
    named = getproxies()
    proxy = named.get(url.scheme) or named.get("all")
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"


class Transport(httpx2.BaseTransport):
    """A transport beneath the cache, so that what is kept costs neither a wait nor a connection.

    Args:
        context: verifies servers.
        pace: pace of the requests to a host.
    """

    def __init__(self, context: ssl.SSLContext, pace: Pace) -> None:
        self._context, self._pace = context, pace
        self._by_proxy: dict[str | None, httpx2.HTTPTransport] = {}
        self._streams: weakref.WeakSet[Any] = weakref.WeakSet()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request.

        Raises:
            ProxyError: the proxy that the environment names cannot be used.
        """
        if not may_ask(request.url.host):
            message = f"{OFFLINE} is set"
            raise httpx2.ConnectError(message)
        self._pace.wait(request.url.host)
        request.extensions = {**request.extensions, "trace": self._remember}
        proxy = proxy_of(request.url)
        try:
            return self._through(proxy).handle_request(request)
        except httpx2.ConnectError as error:
            if proxy is None or any(isinstance(one, ssl.SSLError) for one in causes(error)):
                raise
            message = f"{_address(proxy).host} cannot be reached: {error}"
            raise httpx2.ProxyError(message) from error

    @contextmanager
    def ended_after(self, seconds: float) -> Generator[threading.Event]:
        """End the exchange that is under way after a time, however slowly its answer drips.

        Yields:
            An event that is set where it was ended.
        """
        ended = threading.Event()

        def end() -> None:
            ended.set()
            for stream in list(self._streams):  # the others are idle, and made anew
                with suppress(OSError, AttributeError):
                    stream.get_extra_info("socket").shutdown(2)

        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            yield ended
        finally:
            timer.cancel()

    def close(self) -> None:
        """Close the connections."""
        for transport in self._by_proxy.values():
            transport.close()

    def _through(self, proxy: str | None) -> httpx2.HTTPTransport:
        """Return the transport through a proxy, or without one."""
        if proxy not in self._by_proxy:
            address = None if proxy is None else _address(proxy)
            self._by_proxy[proxy] = httpx2.HTTPTransport(verify=self._context, proxy=address)
        return self._by_proxy[proxy]

    def _remember(self, event: str, info: Mapping[str, Any]) -> None:
        """Remember a connection that was made."""
        if event.endswith(_CONNECTED):
            self._streams.add(info["return_value"])


def causes(error: BaseException) -> list[BaseException]:
    """Return an error and those that led to it."""
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    return chain


def _address(proxy: str) -> httpx2.URL:
    """Return the address of a proxy.

    Raises:
        ProxyError: it is none, or of a kind that is not used; without name and password.
    """
    try:
        address = httpx2.URL(proxy)
    except httpx2.InvalidURL:
        message = "its address is none"
        raise httpx2.ProxyError(message) from None
    if address.scheme not in ("http", "https"):
        message = f"{address.host} is a {address.scheme} proxy, and only http and https ones are used"
        raise httpx2.ProxyError(message)
    return address
