"""A client of Home Assistant's REST interface; every exchange has a deadline as a whole and a largest size.

The token never leaves this module.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import httpx2

from darkstar_pipeline.home_assistant_api.failures import TOKEN_VARIABLE, HomeAssistantError
from darkstar_pipeline.service.home_assistant.exchange import AnswerTooLargeError, BoundedExchange, Bounds

TIMEOUT_SECONDS = 10.0
"""Longest time from the begin of an exchange to its end [s]."""
STATE_BYTES = 1_000_000
"""Largest answer about a state or to a call; a price sensor with two days of quarter-hours has some 30 000."""
HISTORY_BYTES = 16_000_000
"""Largest history; two days of eight sensors that report every five seconds have some 12 000 000."""
HISTORY_SECONDS = 60.0
"""Longest time of a history: a small computer reads it from its card [s]."""
_NOTHING = object()
_NOT_FOUND, _REFUSED, _REDIRECTS, _ERRORS = 404, (401, 403), range(300, 400), range(400, 600)


class HomeAssistantClient:
    """A client of one Home Assistant.

    Args:
        url: its address.
        token: a long-lived access token.
        ca_file: certificate authority that is trusted beside the system's.
        seconds: longest time of an exchange, from its begin to its end [s].
        history_seconds: the same of a history [s].

    Raises:
        HomeAssistantError: the address or the token cannot be used at all.
        ConfigurationError: the certificate authority cannot be read.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        ca_file: Path | None = None,
        seconds: float = TIMEOUT_SECONDS,
        history_seconds: float = HISTORY_SECONDS,
    ) -> None:
        self.url = url.rstrip("/")
        self._bounds = Bounds(seconds, STATE_BYTES)
        self._history_bounds = Bounds(history_seconds, HISTORY_BYTES)
        try:
            self._exchange = BoundedExchange(self.url, {"authorization": f"Bearer {token}"}, ca_file)
        except httpx2.InvalidURL as error:
            raise HomeAssistantError(f"{self.url} is no address", "set home_assistant.url") from error
        except ValueError:
            message = "the token of Home Assistant has characters that no token has"
            raise HomeAssistantError(message, f"set {TOKEN_VARIABLE} or home_assistant.token_file") from None

    def __enter__(self) -> "HomeAssistantClient":
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._exchange.close()

    def state(self, entity: str) -> Mapping[str, Any] | None:
        """Return the state of an entity with its attributes and timestamps; None where there is no such entity.

        Raises:
            HomeAssistantError: it does not answer, refuses the request, or answers with something else.
        """
        answer = self._request("GET", f"/api/states/{entity}", may_be_missing=True)
        if answer is _NOTHING:
            return None
        state = _object(answer)
        if state is None or not isinstance(state.get("state"), str) or _object(state.get("attributes", {})) is None:
            raise self._strange(f"/api/states/{entity}", "a state")
        return state

    def history(self, entities: Sequence[str], since: datetime, until: datetime) -> list[Any]:
        """Return the recorded states of entities, one list each, as `/api/history/period` returns them.

        Raises:
            HomeAssistantError: it does not answer, refuses the request, or answers with something else.
        """
        query = {"filter_entity_id": ",".join(entities), "end_time": until.isoformat()}
        path = f"/api/history/period/{since.isoformat()}"
        answer = self._request("GET", path, query=query, bounds=self._history_bounds)
        lists = _list(answer)
        if lists is None or any((states := _list(each)) is None or any(map(_no_object, states)) for each in lists):
            raise self._strange("/api/history/period", "lists of states")
        return lists

    def call(self, domain: str, service: str, data: Mapping[str, Any]) -> None:
        """Call a service and wait until Home Assistant answers.

        That it answers proves nothing: it skips entities that are unavailable. Read back what was to be done.

        Raises:
            HomeAssistantError: it does not answer, or refuses the request.
        """
        self._request("POST", f"/api/services/{domain}/{service}", body=dict(data))

    def _request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        bounds: Bounds | None = None,
        may_be_missing: bool = False,
    ) -> object:
        """Return an answer, parsed from JSON; `_NOTHING` where the path is not found and may be missing."""
        bounds = bounds or self._bounds
        try:
            answer = self._exchange.request(method, path, query=query, body=body, bounds=bounds)
        except TimeoutError as error:
            message = f"Home Assistant at {self.url} does not answer within {bounds.seconds:g} s"
            raise HomeAssistantError(message, "it is retried automatically") from error
        except AnswerTooLargeError as error:
            message = f"Home Assistant at {self.url} answers {method} {path} with more than {bounds.n_bytes:,} bytes"
            raise HomeAssistantError(message, "check home_assistant.url and the entities named there") from error
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, ValueError, OSError) as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                message = f"the certificate of {self.url} is not trusted"
                hint = "set sources.ca_file to its authority's certificate, and use the name that it is made for"
                raise HomeAssistantError(message, hint, cause="refused") from error
            message = f"Home Assistant at {self.url} does not answer: {type(error).__name__}"
            raise HomeAssistantError(message, "it is retried automatically") from error
        if may_be_missing and answer.status == _NOT_FOUND:
            return _NOTHING
        self._refuse(answer.status, method, path)
        return self._parsed(answer.body, path)

    def _refuse(self, status: int, method: str, path: str) -> None:
        """Raise the error of a status that is no success."""
        if status in _REFUSED:
            message = f"Home Assistant at {self.url} does not accept the token"
            hint = f"create a long-lived access token and set it in {TOKEN_VARIABLE}"
            raise HomeAssistantError(message, hint, cause="refused")
        message = f"Home Assistant at {self.url} answers {status} to {method} {path}"
        if status in _REDIRECTS:
            hint = "set home_assistant.url to its own address; a redirect is not followed, lest the token goes astray"
            raise HomeAssistantError(message, hint)
        if status in _ERRORS:
            raise HomeAssistantError(message, "see Home Assistant's own log")

    def _parsed(self, body: bytes, path: str) -> object:
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:  # invalid UTF-8 is a ValueError too
            raise self._strange(path, "JSON") from error

    def _strange(self, path: str, expected: str) -> HomeAssistantError:
        message = f"Home Assistant at {self.url} answers {path} with something else than {expected}"
        return HomeAssistantError(message, "check home_assistant.url: is that Home Assistant?")


def _object(value: object) -> dict[str, Any] | None:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def _no_object(value: object) -> bool:
    return not isinstance(value, dict)


def _list(value: object) -> list[Any] | None:
    return cast("list[Any]", value) if isinstance(value, list) else None
