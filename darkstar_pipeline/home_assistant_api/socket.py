"""Questions to Home Assistant over its WebSocket interface, repeated where the connection was lost meanwhile."""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from darkstar_pipeline.home_assistant_api.answers import (
    EnergySettings,
    Entity,
    HomeConfig,
    State,
    Statistic,
    StatisticRow,
)
from darkstar_pipeline.home_assistant_api.connection import Connection, Json
from darkstar_pipeline.home_assistant_api.failures import HomeAssistantError

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 60.0
"""Longest wait for an answer: a small computer reads a month of statistics from its card [s]."""
PAUSES = (1.0, 5.0, 15.0)
"""Waits before a question is asked again over a new connection: a restart takes some ten seconds [s]."""
Period = Literal["5minute", "hour"]
T = TypeVar("T")
_UNITS = {"energy": "kWh", "power": "kW"}
_TYPES = ("sum", "change", "mean", "state")
_UNKNOWN_COMMAND, _UNAUTHORIZED = "unknown_command", "unauthorized"
NOT_FOUND, NOT_VALID = "not_found", "service_validation_error"
"""Codes of errors: what is asked for is not there; an action does not do what it is called for."""


class HomeAssistantSocket:
    """Questions to one Home Assistant; the first of them connects.

    Args:
        url: its address.
        token: a long-lived access token, or the Supervisor's.
        ca_file: certificate of an authority that is trusted besides the system's.
        seconds: longest wait for an answer [s].
        pauses: waits before a question is asked again [s].
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        ca_file: Path | None = None,
        seconds: float = ANSWER_SECONDS,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        self.url, self._token, self._ca_file = url.rstrip("/"), token, ca_file
        self._seconds, self._pauses = seconds, tuple(pauses)
        self._connection: Connection | None = None
        self._last_id = 0

    def __enter__(self) -> "HomeAssistantSocket":
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Close the connection; the next question makes another."""
        connection, self._connection, self._last_id = self._connection, None, 0
        if connection is not None:
            connection.close()

    def config(self) -> HomeConfig:
        """Return what Home Assistant knows of the home."""
        return self._told("get_config", TypeAdapter(HomeConfig))

    def states(self) -> list[State]:
        """Return the present states of all entities."""
        return self._told("get_states", TypeAdapter(list[State]))

    def entities(self) -> list[Entity]:
        """Return the registry of entities."""
        return self._told("config/entity_registry/list", TypeAdapter(list[Entity]))

    def actions(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the actions that can be called, by domain and name."""
        return self._told("get_services", TypeAdapter(dict[str, dict[str, Any]]))

    def config_entries(self, domain: str) -> list[str]:
        """Return the ids of an integration's configuration entries."""
        entries = self._told("config_entries/get", TypeAdapter(list[dict[str, Any]]), domain=domain)
        return [str(entry["entry_id"]) for entry in entries if entry.get("domain") == domain and "entry_id" in entry]

    def statistic_ids(self) -> list[Statistic]:
        """Return the sensors of which long-term statistics are kept."""
        return self._told("recorder/list_statistic_ids", TypeAdapter(list[Statistic]))

    def energy_settings(self) -> EnergySettings:
        """Return the settings of the energy dashboard; empty ones where the person made none."""
        try:
            return self._told("energy/get_prefs", TypeAdapter(EnergySettings))
        except RefusedQuestionError as error:
            if error.reason in (NOT_FOUND, _UNKNOWN_COMMAND, _UNAUTHORIZED):
                return EnergySettings()
            raise

    def statistics(
        self, ids: Sequence[str], start: datetime, end: datetime, period: Period
    ) -> Mapping[str, list[dict[str, float | None]]]:
        """Return statistics by sensor, energies in kWh and powers in kW.

        Args:
            ids: sensors, one at least.
            start: begin of the first period.
            end: end of the last one.
            period: hours are kept for ever, five minutes for some days.

        Returns:
            Per sensor its rows: `start` and `end` in milliseconds since 1970, and of `sum`, `change`, `state` and
            `mean` what is kept.
        """
        return self._told(
            "recorder/statistics_during_period",
            TypeAdapter(dict[str, list[StatisticRow]]),
            start_time=start.isoformat(),
            end_time=end.isoformat(),
            statistic_ids=list(ids),
            period=period,
            units=_UNITS,
            types=_TYPES,
        )

    def call(self, domain: str, service: str, data: Json, *, answers: bool = True) -> Json:
        """Call an action, and return its answer, an empty one where it has none; a call is never repeated.

        Args:
            domain: of the action, such as `notify`.
            service: name of the action in it.
            data: its fields.
            answers: whether the action answers; Home Assistant refuses to be asked for what it does not give.

        Raises:
            HomeAssistantError: it does not answer, or refuses the call.
        """
        question = {"domain": domain, "service": service, "service_data": data}
        question |= {"return_response": True} if answers else {}
        answer = self._once("call_service", question)
        return self._checked(answer, TypeAdapter(dict[str, Any]), "call_service").get("response") or {}

    def _told(self, kind: str, shape: TypeAdapter[T], **fields: object) -> T:
        """Return an answer in its shape; the question is repeated where the connection was lost or it came late."""
        for pause in (*self._pauses, None):
            try:
                return self._checked(self._once(kind, fields), shape, kind)
            except HomeAssistantError as error:
                if pause is None or error.cause not in ("late", "unreachable"):
                    raise
                time.sleep(pause)
        raise AssertionError  # the last pause is None

    def _once(self, kind: str, fields: Mapping[str, object]) -> object:
        """Return the answer to a question that is asked once; a failed connection is closed."""
        try:
            number = self._sent(kind, fields)
            return self._result(number, kind, time.monotonic() + self._seconds)
        except RefusedQuestionError:
            raise
        except BaseException:
            self.close()
            raise

    def _sent(self, kind: str, fields: Mapping[str, object]) -> int:
        """Send a question, and return its number."""
        if self._connection is None:
            self._connection = Connection(self.url, self._token, ca_file=self._ca_file, seconds=CONNECT_SECONDS)
        self._last_id += 1
        self._connection.send({"id": self._last_id, "type": kind, **fields})
        return self._last_id

    def _result(self, number: int, kind: str, deadline: float) -> object:
        """Wait for the answer to a question; those to others, which came late, are passed over."""
        connection = self._connection
        while connection is not None:
            message = connection.receive(deadline)
            if message.get("id") != number or message.get("type") != "result":
                continue
            if message.get("success") is True:
                return message.get("result")
            error: Any = message.get("error")
            told = cast("Json", error) if isinstance(error, dict) else {}
            raise RefusedQuestionError(self.url, kind, str(told.get("code", "")), str(told.get("message", "")))
        raise AssertionError  # a question was sent over a connection

    def _checked(self, answer: object, shape: TypeAdapter[T], kind: str) -> T:
        """Return an answer in its shape."""
        try:
            return shape.validate_python(answer)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            message = f"Home Assistant at {self.url} answers {kind} in another shape: {where}: {first['msg']}"
            raise HomeAssistantError(message, "tell its version and this message to Darkstar's makers") from error


class RefusedQuestionError(HomeAssistantError):
    """Home Assistant does not answer this question.

    Args:
        url: its address.
        kind: type of the question.
        reason: its code of the error.
        text: what it says.
    """

    def __init__(self, url: str, kind: str, reason: str, text: str) -> None:
        self.reason = reason
        message = f"Home Assistant at {url} refuses {kind}: {text or reason or 'without a reason'}"
        hint = {
            _UNAUTHORIZED: "use a token of an administrator",
            _UNKNOWN_COMMAND: "turn on what answers it (default_config has it), or update Home Assistant",
        }.get(reason, "see Home Assistant's own log")
        super().__init__(message, hint, cause="refused")
