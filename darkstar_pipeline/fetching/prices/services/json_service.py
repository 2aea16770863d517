"""A source that answers in JSON; the shapes are read where files of prices are read (`sources.price_lists`)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from darkstar_pipeline.config.sources.prices import PriceSource
from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.fetching.answers import Answer, Request
from darkstar_pipeline.fetching.client import SourceClient
from darkstar_pipeline.fetching.errors import FetchError
from darkstar_pipeline.fetching.prices.question import Publication, Question
from darkstar_pipeline.sources.price_lists.areas import same_area
from darkstar_pipeline.sources.price_lists.price_list import PriceOffer
from darkstar_pipeline.sources.price_lists.recognition import offer_of_document


def no_time(_: object) -> datetime | None:
    """Return the publication time of a document that states none."""
    return None


def no_error(_: object) -> str:
    """Return the error that a document states, of a source that states none."""
    return ""


@dataclass(frozen=True, kw_only=True)
class JsonService:
    """A source that answers in JSON.

    Attributes:
        name: its name.
        longest_days: most days of a request.
        areas: areas that it has, by its own names.
        request: makes a request from a question and the source's name of the area.
        published_at: finds the publication time in an answer.
        error: finds in an answer why it has no prices; empty where it has.
    """

    name: PriceSource
    longest_days: int
    areas: tuple[str, ...]
    request: Callable[[Question, str], Request]
    published_at: Callable[[object], datetime | None] = field(default=no_time)
    error: Callable[[object], str] = field(default=no_error)

    def serves(self, area: str) -> bool:
        """Return whether it has prices of an area."""
        return any(same_area(one, area) for one in self.areas)

    def ask(self, question: Question, client: SourceClient) -> Publication:
        """Return its prices of some days.

        Raises:
            FetchError: it gives none that can be read.
        """
        area = next(one for one in self.areas if same_area(one, question.area))
        answer = client.ask(self.request(question, area))
        document = answer.json()
        if reason := self.error(document):
            raise FetchError(self.name, "refused", reason)
        offer = _offer(document, self.name, question)
        return publication(answer, offer, self.published_at(document))


def publication(answer: Answer, offer: PriceOffer, published_at: datetime | None = None) -> Publication:
    """Return the publication that an answer holds."""
    return Publication(
        offer=offer,
        asked_at=answer.asked_at,
        sha256=answer.sha256,
        published_at=published_at,
        server_time=answer.server_time,
    )


def nothing_there(source: str, question: Question) -> FetchError:
    """Return the error of an answer without prices: late where the day is to come, wrong where it has been."""
    days = f"{question.first}" if question.first == question.last else f"{question.first} to {question.last}"
    if question.is_of_the_future:
        return FetchError(source, "late", f"it has no prices of {days} yet")
    return FetchError(source, "wrong", f"it has no prices of {days}")


def _offer(document: object, source: str, question: Question) -> PriceOffer:
    try:
        offer = offer_of_document(document, source)
    except DataRefusedError as error:
        raise FetchError(source, "wrong", error.message) from error
    if offer is None:
        raise nothing_there(source, question)
    return offer


def named(document: object, name: str) -> Any:  # noqa: ANN401 - whatever JSON held
    """Return a value of a JSON object; None where there is no such, or no object."""
    return cast("Mapping[str, Any]", document).get(name) if isinstance(document, Mapping) else None


def instant_in(document: object, name: str) -> datetime | None:
    """Return the instant that a JSON object states; None where it states none that has an offset."""
    text = named(document, name)
    try:
        read = datetime.fromisoformat(text) if isinstance(text, str) else None
        return read.astimezone(UTC) if read is not None and read.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
