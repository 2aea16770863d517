"""A client of Home Assistant's REST interface, with a timeout on every request; the token never leaves this module."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any

import httpx2

from darkstar_pipeline.errors import OutsideServiceError

TIMEOUT_SECONDS = 10.0
TOKEN_VARIABLE = "DARKSTAR_HA_TOKEN"  # noqa: S105 - the name of a variable, not its value
_NOT_FOUND, _REFUSED = 404, (401, 403)


class HomeAssistantError(OutsideServiceError):
    """Home Assistant does not answer, or refuses a request."""

    code = "home_assistant"


class HomeAssistantClient:
    """A client of one Home Assistant.

    Args:
        url: its address.
        token: a long-lived access token.
    """

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        headers = {"authorization": f"Bearer {token}"}
        self._client = httpx2.Client(
            base_url=self.url, headers=headers, timeout=TIMEOUT_SECONDS, follow_redirects=False
        )

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
        self._client.close()

    def state(self, entity: str) -> Mapping[str, Any] | None:
        """Return the state of an entity with its attributes and timestamps; None where there is no such entity.

        Raises:
            HomeAssistantError: it does not answer, or refuses the request.
        """
        state = self._request("GET", f"/api/states/{entity}", missing_is_none=True)
        return None if state is None else dict(state)

    def history(self, entities: Sequence[str], since: datetime, until: datetime) -> list[Any]:
        """Return the recorded states of entities, one list each, as `/api/history/period` returns them.

        Raises:
            HomeAssistantError: it does not answer, or refuses the request.
        """
        query = {"filter_entity_id": ",".join(entities), "end_time": until.isoformat()}
        return list(self._request("GET", f"/api/history/period/{since.isoformat()}", query=query) or [])

    def call(self, domain: str, service: str, data: Mapping[str, Any]) -> None:
        """Call a service and wait until Home Assistant answers.

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
        missing_is_none: bool = False,
    ) -> Any:  # noqa: ANN401 - JSON of several shapes
        """Return an answer, parsed from JSON."""
        try:
            response = self._client.request(method, path, params=query, json=body)
            if missing_is_none and response.status_code == _NOT_FOUND:
                return None
            if response.status_code in _REFUSED:
                message = f"Home Assistant at {self.url} does not accept the token"
                raise HomeAssistantError(message, f"create a long-lived access token and set it in {TOKEN_VARIABLE}")
            response.raise_for_status()
            return response.json()
        except httpx2.HTTPStatusError as error:
            message = f"Home Assistant at {self.url} answers {error.response.status_code} to {method} {path}"
            raise HomeAssistantError(message, "see Home Assistant's own log") from error
        except (httpx2.HTTPError, ValueError) as error:
            message = f"Home Assistant at {self.url} does not answer: {type(error).__name__}"
            raise HomeAssistantError(message, "it is retried automatically") from error
