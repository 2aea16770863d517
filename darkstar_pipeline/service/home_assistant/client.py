"""Asks Home Assistant and calls its services, with a time limit on everything; the token never leaves this module."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any

import httpx2

from darkstar_pipeline.errors import OutsideServiceError

SECONDS = 10.0
TOKEN_VARIABLE = "DARKSTAR_HA_TOKEN"  # noqa: S105 - the name of a variable, not what is in it
_NOT_FOUND, _REFUSED = 404, (401, 403)


class HomeAssistantError(OutsideServiceError):
    """Home Assistant does not answer, or refuses."""

    code = "home_assistant"


class HomeAssistantClient:
    """One Home Assistant.

    Args:
        url: its address.
        token: a long-lived access token.
    """

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        headers = {"authorization": f"Bearer {token}"}
        self._client = httpx2.Client(base_url=self.url, headers=headers, timeout=SECONDS, follow_redirects=False)

    def __enter__(self) -> "HomeAssistantClient":
        """Use it in a block, which closes it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Ask no more."""
        self._client.close()

    def state(self, entity: str) -> Mapping[str, Any] | None:
        """The state of an entity, attributes and instants included; None where there is no such entity.

        Raises:
            HomeAssistantError: it does not answer, or refuses.
        """
        answer = self._ask("GET", f"/api/states/{entity}", missing_is_none=True)
        return None if answer is None else dict(answer)

    def history(self, entities: Sequence[str], since: datetime, until: datetime) -> list[Any]:
        """The recorded states of entities, a list each, as `/api/history/period` gives them.

        Raises:
            HomeAssistantError: it does not answer, or refuses.
        """
        query = {"filter_entity_id": ",".join(entities), "end_time": until.isoformat()}
        return list(self._ask("GET", f"/api/history/period/{since.isoformat()}", query=query) or [])

    def call(self, domain: str, service: str, data: Mapping[str, Any]) -> None:
        """Call a service; done when Home Assistant says so.

        Raises:
            HomeAssistantError: it does not answer, or refuses.
        """
        self._ask("POST", f"/api/services/{domain}/{service}", body=dict(data))

    def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        missing_is_none: bool = False,
    ) -> Any:  # noqa: ANN401 - JSON of several shapes
        """An answer as JSON."""
        try:
            answer = self._client.request(method, path, params=query, json=body)
            if missing_is_none and answer.status_code == _NOT_FOUND:
                return None
            if answer.status_code in _REFUSED:
                message = f"Home Assistant at {self.url} does not take the token"
                raise HomeAssistantError(message, f"make a long-lived access token, and name it by {TOKEN_VARIABLE}")
            answer.raise_for_status()
            return answer.json()
        except httpx2.HTTPStatusError as error:
            message = f"Home Assistant at {self.url} answers {error.response.status_code} to {method} {path}"
            raise HomeAssistantError(message, "look at Home Assistant's own log") from error
        except (httpx2.HTTPError, ValueError) as error:
            message = f"Home Assistant at {self.url} does not answer: {type(error).__name__}"
            raise HomeAssistantError(message, "it is tried again by itself") from error
