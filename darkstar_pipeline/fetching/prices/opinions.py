"""Answers of the sources that passed every check of their own, each asked for once in a fetch."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from darkstar_pipeline.config.countries import market_timezone
from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.fetching.client import SourceClient
from darkstar_pipeline.fetching.errors import FetchError
from darkstar_pipeline.fetching.prices.cross_check import difference
from darkstar_pipeline.fetching.prices.import_step import CheckedPrices, check_publication
from darkstar_pipeline.fetching.prices.question import PriceService, Publication, Question
from darkstar_pipeline.fetching.prices.rates import Rates
from darkstar_pipeline.ingest.target import ImportTarget


@dataclass(frozen=True, kw_only=True)
class Heard:
    """An answer of a source.

    Attributes:
        publication: as it came.
        checked: its prices.
    """

    publication: Publication
    checked: CheckedPrices


class Opinions:
    """Answers of the sources; one that was asked as the second is not asked again as the first.

    Args:
        client: asks them.
        rates: rates of exchange.
        target: the home.
        now: the present instant.
    """

    def __init__(self, client: SourceClient, rates: Rates, target: ImportTarget, now: datetime) -> None:
        self._client, self._rates, self.target, self._now = client, rates, target, now
        self._heard: dict[tuple[str, date, date], Heard] = {}
        self._doubted: dict[str, tuple[Publication, Question]] = {}

    def question(self, days: Sequence[date]) -> Question:
        """Return the question for some days of the market."""
        site = self.target.site
        return Question(
            area=site.area, currency=site.currency.upper(), zone=market_timezone(site.timezone), first=min(days),
            last=max(days), now=self._now,
        )  # fmt: skip

    def hear(self, service: PriceService, question: Question) -> Heard:
        """Return what a source says.

        Raises:
            FetchError: it gives nothing that can be used.
            DataRefusedError: the same.
        """
        key = (service.name, question.first, question.last)
        if key in self._heard:
            return self._heard[key]
        publication = service.ask(question, self._client)
        try:
            checked = check_publication(publication, question, self.target, self._rates)
        except FetchError:
            confirmed = self._confirmed(service.name, publication, question)
            if confirmed is None:
                raise
            checked = confirmed
        return Heard(publication=publication, checked=checked)

    def remember(self, service: PriceService, question: Question, heard: Heard) -> None:
        """Keep an answer for the source's own turn."""
        self._heard[service.name, question.first, question.last] = heard

    def _confirmed(self, name: str, publication: Publication, question: Question) -> CheckedPrices | None:
        """Return prices far from those of the days around, where an earlier source has the same; else None."""
        earlier = [self._read(*other) for source, other in self._doubted.items() if source != name]
        own = self._read(publication, question)
        if own is None:
            return None
        self._doubted[name] = (publication, question)
        for other in earlier:
            if other is None:
                continue
            both = other.parsed.rows.join(own.parsed.rows, on="slot_start", how="semi")
            if both.height == own.parsed.rows.height and not difference(both, own.parsed.rows, question.currency):
                return own
        return None

    def _read(self, publication: Publication, question: Question) -> CheckedPrices | None:
        """Return the prices of a publication but for their distance from those around; None where they fail."""
        try:
            return check_publication(publication, question, self.target, self._rates, confirmed=True)
        except (FetchError, DataRefusedError):
            return None
