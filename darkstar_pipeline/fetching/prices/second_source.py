"""The verdict of the next source on prices that are about to be stored: confirmed, told to differ, or refused.

Of two that are the same but for a factor, one is in another unit or holds tax: the next source decides, else the level
of the weeks around; before tax is the smaller. A price that is the same all day yields to one that is not.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from math import log
from typing import Literal

import polars as pl

from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.fetching.errors import FetchError
from darkstar_pipeline.fetching.log import Fetch
from darkstar_pipeline.fetching.prices.cross_check import Disagreement, difference, disagreement
from darkstar_pipeline.fetching.prices.import_step import usual_highest_price
from darkstar_pipeline.fetching.prices.opinions import Heard, Opinions
from darkstar_pipeline.fetching.prices.question import PriceService, Question, spans

Failed = Callable[[PriceService, Question, FetchError | DataRefusedError], None]


@dataclass(frozen=True, kw_only=True)
class Said:
    """Prices of some days by another source.

    Attributes:
        service: the source.
        answers: its answers, with their questions.
    """

    service: PriceService
    answers: list[tuple[Question, Heard]]

    @property
    def rows(self) -> pl.DataFrame:
        """Its prices."""
        return pl.concat([heard.checked.parsed.rows for _, heard in self.answers])


@dataclass(frozen=True, kw_only=True)
class SecondVerdict:
    """The verdict on prices.

    Attributes:
        confirmed: whether another source has the same.
        refused: why they are refused; empty where they are not.
        notes: where sources differ, for people.
        heard: entries of the log for the sources that were compared.
    """

    confirmed: bool = False
    refused: str = ""
    notes: tuple[str, ...] = ()
    heard: tuple[Fetch, ...] = field(default=())


class SecondSource:
    """Compares a source with the next one that gives the same days.

    Args:
        opinions: hears the sources.
        failed: is told of a source that gives nothing.
    """

    def __init__(self, opinions: Opinions, failed: Failed) -> None:
        self._opinions, self._failed = opinions, failed

    def verdict(
        self, service: PriceService, others: Sequence[PriceService], days: Sequence[date], rows: pl.DataFrame
    ) -> SecondVerdict:
        """Return the verdict on a source's prices.

        Args:
            service: the source.
            others: the sources after it.
            days: days of the market that it gave.
            rows: their prices `[slot_start, price, native_minutes]`.
        """
        question = self._opinions.question(days)
        for number, other in enumerate(others):
            said = self._said(other, days)
            if said is None:
                continue
            apart = disagreement(rows, said.rows, question.currency)
            if apart is None:
                return SecondVerdict(confirmed=True, heard=self._entries(said, "", ""))
            wrong = self._wrong(apart, rows, said.rows, others[number + 1 :], question)
            if wrong == "first":
                return SecondVerdict(refused=f"beside {other.name} {apart.how}: {apart.words}")
            how = f"{apart.how}; " if wrong == "second" else ""
            reason = f"differs from {service.name}, whose prices are kept: {how}{apart.words}"
            remedy = (
                "compare with your supplier's prices; "
                f"order sources.prices.order by whom you trust: {service.name} is first"
            )
            return SecondVerdict(notes=(f"{other.name} {reason}",), heard=self._entries(said, reason, remedy))
        return SecondVerdict()

    def _said(self, other: PriceService, days: Sequence[date]) -> Said | None:
        """Return what another source says of these days; None where it does not give them all."""
        answers: list[tuple[Question, Heard]] = []
        for span in spans(days, other.longest_days):
            question = self._opinions.question(span)
            try:
                heard = self._opinions.hear(other, question)
            except (FetchError, DataRefusedError) as error:
                self._failed(other, question, error)
                return None
            self._opinions.remember(other, question, heard)
            answers.append((question, heard))
        return Said(service=other, answers=answers)

    def _wrong(
        self,
        apart: Disagreement,
        first: pl.DataFrame,
        second: pl.DataFrame,
        others: Sequence[PriceService],
        question: Question,
    ) -> Literal["first", "second", "unknown"]:
        """Return which of two sources is wrong; unknown where they are not the same but for a factor."""
        if apart.wrong == "unknown":
            return "unknown"
        days = [question.first, question.last] if question.first != question.last else [question.first]
        third = next((said for other in others if (said := self._said(other, days)) is not None), None)
        if third is not None:
            agrees = [not difference(prices, third.rows, question.currency) for prices in (first, second)]
            if agrees[0] != agrees[1]:
                return "second" if agrees[0] else "first"
        if apart.wrong != "either":
            return apart.wrong
        usual = usual_highest_price(question, self._opinions.target)
        far = [abs(log(_highest(prices) / usual)) for prices in (first, second)]
        return "first" if far[0] > far[1] else "second"

    def _entries(self, said: Said, reason: str, remedy: str) -> tuple[Fetch, ...]:
        """Return the entries of the log for another source's answers."""
        return tuple(
            Fetch(
                site=self._opinions.target.site_name, kind="prices", source=said.service.name, asked_at=question.now,
                first_day=question.first, last_day=question.last, outcome="unchanged",
                cause="wrong" if reason else "", reason=reason, remedy=remedy, sha256=heard.publication.sha256,
                published_at=heard.publication.published_at,
            )
            for question, heard in said.answers
        )  # fmt: skip


def _highest(rows: pl.DataFrame) -> float:
    """Return the highest price either way, never zero [money/kWh]."""
    highest = rows["price"].abs().max()
    return max(highest if isinstance(highest, float) else 0.0, 1e-9)
