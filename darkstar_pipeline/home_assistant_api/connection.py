"""A connection to Home Assistant's WebSocket interface: TLS, authentication, messages as JSON, all within a deadline.

A redirect is not followed, lest the token goes to another server. What does not belong here: what is asked (`socket`).
"""

import json
import ssl
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI, WebSocketException
from websockets.sync.client import ClientConnection, reconnect

from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.home_assistant_api.failures import TOKEN_VARIABLE, HomeAssistantError
from darkstar_pipeline.state.trust import with_authority

MOST_BYTES = 64 * 2**20
"""Largest answer; a month of five-minute statistics of twenty sensors has some 20 000 000."""
_CLOSE_SECONDS = 2.0
_BEING_STARTED = (502, 503, 504)
_REDIRECTS = range(300, 400)
_SUPERVISOR = "supervisor"
Json = dict[str, Any]


class _Direct(reconnect):
    """A connection to the address itself."""

    def process_redirect(self, exc: Exception) -> Exception:
        """Return the answer that redirects as the error that it is here."""
        return exc


class Connection:
    """An authenticated connection.

    Args:
        url: address of Home Assistant, http or https.
        token: a long-lived access token, or the Supervisor's.
        ca_file: certificate of an authority that is trusted besides the system's.
        seconds: longest time to connect and to authenticate [s].

    Raises:
        HomeAssistantError: it cannot be reached, is no Home Assistant, or does not accept the token.
    """

    def __init__(self, url: str, token: str, *, ca_file: Path | None, seconds: float) -> None:
        self._url, self._stack = url.rstrip("/"), ExitStack()
        try:
            self._socket = self._opened(ca_file, seconds)
            self._authenticate(token, time.monotonic() + seconds)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        self._stack.close()

    def send(self, message: Json) -> None:
        """Send a message.

        Raises:
            HomeAssistantError: the connection is lost.
        """
        try:
            self._socket.send(json.dumps(message))
        except (WebSocketException, OSError) as error:
            raise self._lost(error) from error

    def receive(self, deadline: float) -> Json:
        """Return the next message.

        Args:
            deadline: end of the wait, by `time.monotonic`.

        Raises:
            HomeAssistantError: none comes in time, the connection is lost, or it is no message of Home Assistant.
        """
        try:
            text = self._socket.recv(max(deadline - time.monotonic(), 0.0))
            message: Any = json.loads(text)
        except TimeoutError as error:
            message = f"Home Assistant at {self._url} does not answer in time"
            raise HomeAssistantError(message, "see whether its machine is busy; it is retried", cause="late") from error
        except (WebSocketException, OSError) as error:
            raise self._lost(error) from error
        except (ValueError, RecursionError) as error:
            raise self._strange("its messages are no JSON") from error
        if not isinstance(message, dict):
            raise self._strange("its messages are no objects")
        return cast("Json", message)

    def _opened(self, ca_file: Path | None, seconds: float) -> ClientConnection:
        """Return the open socket."""
        try:
            return self._stack.enter_context(
                _Direct(
                    address(self._url),
                    ssl=_trust(ca_file) if self._url.startswith("https:") else None,
                    open_timeout=seconds,
                    close_timeout=_CLOSE_SECONDS,
                    max_size=MOST_BYTES,
                    proxy=None,  # it stands in the house
                )
            )
        except ssl.SSLCertVerificationError as error:
            message = f"the certificate of {self._url} is not trusted: {error.verify_message}"
            hint = "set sources.ca_file to its authority's certificate, and use the name that it is made for"
            raise HomeAssistantError(message, hint, cause="refused") from error
        except ssl.SSLError as error:
            message = f"{self._url} does not speak TLS: {error.reason or error}"
            raise HomeAssistantError(message, "if it has no certificate, write http:// in its address") from error
        except InvalidStatus as error:
            raise self._no_upgrade(error.response.status_code) from error
        except TimeoutError as error:
            message = f"Home Assistant at {self._url} does not answer within {seconds:g} s"
            raise HomeAssistantError(message, "check its address, and that it runs", cause="late") from error
        except InvalidURI as error:
            raise HomeAssistantError(f"{self._url} is no address", "set home_assistant.url") from error
        except InvalidHandshake as error:
            raise self._strange("it does not speak WebSocket") from error
        except (WebSocketException, OSError) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            message = f"Home Assistant at {self._url} cannot be reached: {reason}"
            raise HomeAssistantError(message, "check its address, and that it runs", cause="unreachable") from error

    def _no_upgrade(self, status: int) -> HomeAssistantError:
        """Return the error of a server that answers the first request with a status."""
        message = f"{self._url} answers {status} to a WebSocket"
        if status in _REDIRECTS:
            return HomeAssistantError(message, "give its own address; a redirect is not followed")
        if status in _BEING_STARTED:
            return HomeAssistantError(message, "it is being started, or its proxy misses it", cause="unreachable")
        return HomeAssistantError(message, "check the address: is that Home Assistant?")

    def _authenticate(self, token: str, deadline: float) -> None:
        """Send the token where it is asked for."""
        if self.receive(deadline).get("type") != "auth_required":
            raise self._strange("it does not ask for a token")
        self.send({"type": "auth", "access_token": token})
        answer = self.receive(deadline).get("type")
        if answer == "auth_invalid":
            message = f"Home Assistant at {self._url} does not accept the token"
            hint = f"create a long-lived access token (your profile, Security) and set it in {TOKEN_VARIABLE}"
            raise HomeAssistantError(message, hint, cause="refused")
        if answer != "auth_ok":
            raise self._strange("it answers a token with something else")

    def _lost(self, error: Exception) -> HomeAssistantError:
        reason = "it closed the connection" if isinstance(error, ConnectionClosed) else str(error)
        message = f"the connection to Home Assistant at {self._url} is lost: {reason}"
        return HomeAssistantError(message, "see whether it was restarted; it is retried", cause="unreachable")

    def _strange(self, why: str) -> HomeAssistantError:
        return HomeAssistantError(f"{self._url} is no Home Assistant: {why}", "check the address")


def address(url: str) -> str:
    """Return the address of the WebSocket interface; the Supervisor passes it on at another path.

    >>> address("https://home.example:8123/"), address("http://supervisor/core")
    ('wss://home.example:8123/api/websocket', 'ws://supervisor/core/websocket')
    """
    plain = url.rstrip("/")
    path = "websocket" if urlsplit(plain).hostname == _SUPERVISOR else "api/websocket"
    return f"ws{plain.removeprefix('http')}/{path}"


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    """Return what certificates are trusted: the system's authorities, and that of a file.

    Raises:
        HomeAssistantError: the file is none.
    """
    try:
        return with_authority(ssl.create_default_context(), ca_file)
    except ConfigurationError as error:
        raise HomeAssistantError(error.message, error.hint) from error
