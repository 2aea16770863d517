"""Home Assistant's official Nord Pool integration, and any sensor that lists prices, asked through Home Assistant.

How Home Assistant is spoken with belongs to others; here is only what is asked of it and how the answer is read.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from darkstar_pipeline.config.sources.prices import PriceSource
from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.fetching.client import SourceClient
from darkstar_pipeline.fetching.errors import FetchError
from darkstar_pipeline.fetching.prices.question import Publication, Question
from darkstar_pipeline.fetching.prices.services.json_service import nothing_there
from darkstar_pipeline.fetching.prices.services.nordpool import AREAS
from darkstar_pipeline.home_assistant_api.failures import HomeAssistantError
from darkstar_pipeline.home_assistant_api.nord_pool import NORD_POOL, PRICES_ACTION
from darkstar_pipeline.home_assistant_api.socket import NOT_FOUND, NOT_VALID, RefusedQuestionError
from darkstar_pipeline.sources.price_lists.areas import same_area
from darkstar_pipeline.sources.price_lists.recognition import offer_of_document

_CURRENCIES = ("SEK", "NOK", "DKK", "EUR", "PLN")


class PriceAssistant(Protocol):
    """Questions to Home Assistant about prices."""

    def price_sensors(self) -> Sequence[Mapping[str, Any]]:
        """Return the states of the sensors that may list prices, attributes included."""
        ...

    def nordpool_entry(self) -> str | None:
        """Return the id of the configuration entry of the Nord Pool integration; None where there is none."""
        ...

    def call_action(self, domain: str, action: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the response of an action."""
        ...


class HomeAssistantPrices:
    """The source.

    Args:
        assistant: speaks with Home Assistant; None where none is configured.
    """

    name: PriceSource = "home_assistant"
    longest_days = 1

    def __init__(self, assistant: PriceAssistant | None) -> None:
        self._assistant = assistant

    def serves(self, area: str) -> bool:  # noqa: ARG002 - which area it has shows in its answer
        """Return whether it may have prices of an area."""
        return True

    def ask(self, question: Question, client: SourceClient) -> Publication:  # noqa: ARG002 - it has its own
        """Return its prices of a day: of the Nord Pool integration's action, else of a sensor.

        Raises:
            FetchError: it gives none that can be read.
        """
        if self._assistant is None:
            raise FetchError(self.name, "refused", "no Home Assistant is configured", "set home_assistant.url")
        asked_at = datetime.now(UTC)
        try:
            documents = list(self._documents(self._assistant, question))
        except FetchError:
            raise
        except HomeAssistantError as error:
            raise _failure(error, question) from error
        for document in documents:
            try:
                offer = offer_of_document(document, self.name)
            except DataRefusedError:
                continue
            if offer is not None:
                text = json.dumps(document, sort_keys=True, default=str)
                return Publication(offer=offer, asked_at=asked_at, sha256=hashlib.sha256(text.encode()).hexdigest())
        raise nothing_there(self.name, question)

    def _documents(self, assistant: PriceAssistant, question: Question) -> Sequence[Mapping[str, Any]]:
        entry = assistant.nordpool_entry()
        if entry is None:
            return assistant.price_sensors()
        currency = question.currency if question.currency in _CURRENCIES else "EUR"
        data = {
            "config_entry": entry,
            "date": question.first.isoformat(),
            # A list is refused by Home Assistant 2025.4, which makes one of a single area.
            "areas": next((area for area in AREAS if same_area(area, question.area)), question.area),
            "currency": currency,
        }
        try:
            answer = assistant.call_action(NORD_POOL, PRICES_ACTION, data)
        except RefusedQuestionError as error:
            if error.reason != NOT_FOUND:
                raise
            return assistant.price_sensors()  # another integration of that name, whose sensor lists prices
        return [{**answer, "currency": currency}]


def _failure(error: HomeAssistantError, question: Question) -> FetchError:
    """Return the error of the source: prices that are to come and are not there are late."""
    refused = isinstance(error, RefusedQuestionError) and error.reason == NOT_VALID
    if refused and question.is_of_the_future:
        return FetchError("home_assistant", "late", error.message)
    cause = "unreachable" if error.cause == "late" else error.cause
    return FetchError("home_assistant", cause, error.message, error.hint)
