"""Fetch spot prices: each day that is missing is asked of the sources in turn, until one gives it whole.

Days are days of the market. Every day that came is in the lake before the next request, so a fetch that was killed
goes on where it was. What does not belong here: when to fetch (`polling`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from darkstar_pipeline.config.countries import market_timezone
from darkstar_pipeline.config.sources.prices import PriceSource
from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.fetching.client import SourceClient
from darkstar_pipeline.fetching.errors import FetchError
from darkstar_pipeline.fetching.log import Fetch, FetchLog
from darkstar_pipeline.fetching.prices.cross_check import difference
from darkstar_pipeline.fetching.prices.import_step import (
    CheckedPrices,
    refuse_prices,
    store_prices,
    stored_prices,
)
from darkstar_pipeline.fetching.prices.opinions import Opinions
from darkstar_pipeline.fetching.prices.question import PriceService, Question, spans
from darkstar_pipeline.fetching.prices.rates import Rates
from darkstar_pipeline.fetching.prices.second_source import SecondSource
from darkstar_pipeline.fetching.prices.whole_days import flat_days
from darkstar_pipeline.ingest.merge import Progress
from darkstar_pipeline.ingest.target import ImportTarget
from env.time_grid import day_bounds, local_day, slot_count

LONG = 14
"""From so many days on, sources that give many of them in a request are asked first."""
CHECKED = 3
"""Most days of a fetch whose prices are compared with another source's."""
MOST_IN_A_ROW = 3
"""Requests in a row that may fail before a source is left alone for this time."""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """The opened sources of a home.

    Attributes:
        services: sources in their order.
        client: asks them.
        rates: rates of exchange.
    """

    services: Sequence[PriceService]
    client: SourceClient
    rates: Rates


@dataclass(frozen=True, kw_only=True)
class Given:
    """An answer that was taken.

    Attributes:
        source: who gave it.
        days: days of the market in it.
        slots: slots that were accepted.
        new: of these, slots that had no price before.
        changed: of these, slots whose price was corrected.
        asked_at: instant of the request.
        sha256: hash of the answer.
        published_at: instant of the publication, where the source states it.
    """

    source: PriceSource
    days: tuple[date, ...]
    slots: int
    new: int
    changed: int
    asked_at: datetime
    sha256: str
    published_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class PriceFetchReport:
    """The result of a fetch.

    Attributes:
        wanted: number of days of the market that were missing, or asked for again.
        given: answers that were taken.
        missing: days that no source gave, each with the last reason.
        failures: sources that failed, each with its last reason.
        notes: where two sources differ.
    """

    wanted: int
    given: tuple[Given, ...] = ()
    missing: dict[date, str] = field(default_factory=dict[date, str])
    failures: dict[str, str] = field(default_factory=dict[str, str])
    notes: tuple[str, ...] = ()

    @property
    def days(self) -> int:
        """Return the number of days that were given."""
        return len({day for given in self.given for day in given.days})


def fetch_prices(
    context: Context,
    first: date,
    last: date,
    *,
    sources: Sources,
    now: datetime,
    again: bool = False,
    progress: Progress | None = None,
) -> PriceFetchReport:
    """Fetch the spot prices of some local days of a site.

    Args:
        context: the site.
        first: first local day.
        last: last local day; what no market has published yet is left out.
        sources: what is asked.
        now: the present instant.
        again: ask for days that are known too, for corrections.
        progress: called with the days done and all of them.
    """
    fetch = _PriceFetch(context, sources, now)
    days = market_days(context.site_settings.timezone, first, last, now)
    wanted = days if again or not days else lacking_days(ImportTarget.of(context), days[0], days[-1])
    return fetch.run(wanted, progress)


def market_days(timezone: str, first: date, last: date, now: datetime) -> list[date]:
    """Return the days of the market that cover some local days, up to tomorrow's.

    >>> [str(day) for day in market_days("Europe/Helsinki", date(2026, 1, 31), date(2026, 1, 31), datetime.max)]
    ['2026-01-30', '2026-01-31']
    """
    zone = ZoneInfo(market_timezone(timezone))
    start = day_bounds(first, timezone)[0].astimezone(zone).date()
    end = (day_bounds(last, timezone)[1] - timedelta(minutes=15)).astimezone(zone).date()
    if now.tzinfo is not None:
        end = min(end, now.astimezone(zone).date() + timedelta(days=1))
    return [start + timedelta(days=n) for n in range((end - start).days + 1)]


def lacking_days(target: ImportTarget, first: date, last: date) -> list[date]:
    """Return the days of the market of which a site's prices are not all known."""
    zone, days = (
        market_timezone(target.site.timezone),
        [first + timedelta(days=n) for n in range((last - first).days + 1)],
    )
    around = [first - timedelta(days=1), *days, last + timedelta(days=1)]
    known = target.known_prices()(around).with_columns(local_day(zone).alias("_day"))
    counts = dict(known.group_by("_day").len().iter_rows())
    return [day for day in days if counts.get(day, 0) < slot_count(day, zone)]


class _PriceFetch:
    """A fetch that is under way."""

    def __init__(self, context: Context, sources: Sources, now: datetime) -> None:
        self._site, self._name, self._now = context.site_settings, context.site_name, now
        self._sources, self._zone = sources, market_timezone(context.site_settings.timezone)
        self._target, self._log = ImportTarget.of(context), FetchLog(context.home)
        self._given: list[Given] = []
        self._failures: dict[str, str] = {}
        self._reasons: dict[date, str] = {}
        self._notes: list[str] = []
        self._unreachable = False
        self._left_alone = self._log.left_alone("prices", now)
        self._wanted = 0
        self._opinions = Opinions(sources.client, sources.rates, self._target, now)
        self._second = SecondSource(self._opinions, self._fail)
        self._hoped_for: list[date] = []  # days of a source that has given none yet

    def run(self, wanted: Sequence[date], progress: Progress | None) -> PriceFetchReport:
        """Ask the sources in turn."""
        left, self._wanted = sorted(wanted), len(wanted)
        for service in self._in_order(len(wanted)):
            left = self._ask_for_all(service, left, len(wanted), progress)
            if not left:
                break
        return PriceFetchReport(
            wanted=len(wanted),
            given=tuple(self._given),
            missing={day: self._reasons.get(day, "no source has this area") for day in left},
            failures=self._failures,
            notes=tuple(self._notes),
        )

    def _in_order(self, count: int) -> list[PriceService]:
        """Return the sources; for many days those first that need the fewest requests."""
        services = list(self._sources.services)
        return services if count <= LONG else sorted(services, key=lambda one: -(-count // one.longest_days))

    def _ask_for_all(
        self, service: PriceService, days: Sequence[date], total: int, progress: Progress | None
    ) -> list[date]:
        """Ask a source for days, the newest first; return those that it did not give."""
        left, failed = list(days), 0
        if self._leave_alone(service, days):
            return left
        self._hoped_for = left
        for span in spans(days, service.longest_days):
            rest = span
            while rest and failed < MOST_IN_A_ROW:
                gave = self._ask(service, rest)
                failed = 0 if gave else MOST_IN_A_ROW if service.name in self._left_alone else failed + 1
                self._hoped_for = [] if gave else self._hoped_for
                if self._hoped_for and self._unreachable:
                    return left  # it has given nothing yet, and each question costs three attempts
                left = [day for day in left if day not in gave]
                if progress is not None:
                    progress(total - len(left), total)
                rest = [day for day in rest if day not in gave] if gave else []
            if failed >= MOST_IN_A_ROW:
                break
        return left

    def _leave_alone(self, service: PriceService, days: Sequence[date]) -> bool:
        """Return whether a source does not want to be asked now, and note that."""
        until = self._left_alone.get(service.name)
        if until is None:
            return False
        reason = f"{service.name}: it wants to be left alone until {until:%Y-%m-%d %H:%MZ}"
        self._failures[service.name] = reason
        self._reasons |= dict.fromkeys(days, reason)
        return True

    def _ask(self, service: PriceService, days: Sequence[date]) -> set[date]:
        """Ask a source for a span of days and store those that it gives whole."""
        question = self._opinions.question(days)
        try:
            heard = self._opinions.hear(service, question)
            self._refuse_taken_back(service, question, heard.checked)
            doubt = self._doubt(service, heard.checked)
            report = store_prices(heard.checked, service.name, self._target, now=self._now)
        except (FetchError, DataRefusedError) as error:
            self._fail(service, question, error)
            return set()
        checked, publication = heard.checked, heard.publication
        self._reasons |= {day: f"{service.name}: {why}" for day, why in checked.whole.refused.items()}
        given = Given(
            source=service.name,
            days=checked.whole.days,
            slots=checked.parsed.rows.height,
            new=report.slots_new,
            changed=report.slots_changed,
            asked_at=publication.asked_at,
            sha256=publication.sha256,
            published_at=publication.published_at,
        )
        self._given.append(given)
        self._note_success(given, question, checked, doubt)
        return set(checked.whole.days)

    def _refuse_taken_back(self, service: PriceService, question: Question, checked: CheckedPrices) -> None:
        """Refuse a source that takes its own known prices back while the next source still has them.

        Raises:
            FetchError: it does: more likely it has a fault than that a market's prices were corrected.
        """
        rows, currency = checked.parsed.rows, question.currency
        known = stored_prices(self._target, rows).filter(pl.col("source") == service.name)
        known = known.join(rows, on="slot_start", how="semi")
        told = difference(known, rows.join(known, on="slot_start", how="semi"), currency)
        if not told or not self._site.sources.prices.cross_check:
            return
        order = [other for other in self._sources.services if other.name not in (service.name, *self._left_alone)]
        able = [other for other in order if (question.last - question.first).days < other.longest_days]
        for other in able:
            try:
                said = self._opinions.hear(other, question).checked.parsed.rows
            except (FetchError, DataRefusedError):
                continue
            both = said.join(known, on="slot_start", how="semi")
            if both.height == known.height and not difference(known, both, currency):
                raise FetchError(service.name, "wrong", f"it takes back known prices that {other.name} has too: {told}")
            return

    def _doubt(self, service: PriceService, checked: CheckedPrices) -> str:
        """Return why prices that are taken are in doubt; empty where they are not, or another source has them.

        Raises:
            FetchError: another source's are right instead.
        """
        rows = checked.parsed.rows
        if self._wanted <= CHECKED and self._site.sources.prices.cross_check:
            verdict = self._second.verdict(service, self._after(service), checked.whole.days, rows)
            for entry in verdict.heard:
                self._log.add(entry)
            self._notes += verdict.notes
            if verdict.refused:
                refuse_prices(rows, service.name, verdict.refused, self._target)
                raise FetchError(service.name, "wrong", verdict.refused)
            if verdict.confirmed:
                return ""
        flat = flat_days(rows, self._zone)
        if not flat:
            return ""
        currency = self._site.currency
        told = "; ".join(f"every price of {day} is {price:.4f} {currency}/kWh" for day, price in flat.items())
        self._notes.append(f"{service.name}: {told}: compare with your supplier's prices")
        return told

    def _after(self, service: PriceService) -> list[PriceService]:
        """Return the sources that are asked after one."""
        names = [one.name for one in self._sources.services]
        after = self._sources.services[names.index(service.name) + 1 :]
        return [one for one in after if one.name not in self._left_alone]

    def _note_success(self, given: Given, question: Question, checked: CheckedPrices, doubt: str) -> None:
        """Log an answer that was taken, and what is in doubt of it."""
        self._log.add(
            Fetch(
                site=self._name, kind="prices", source=given.source, asked_at=self._now,
                first_day=question.first, last_day=question.last,
                outcome="stored" if given.new or given.changed else "unchanged",
                cause="wrong" if doubt else "", remedy="compare with your supplier's prices" if doubt else "",
                reason="; ".join([*([doubt] if doubt else []), *checked.whole.refused.values()][:3]), rows=given.slots,
                sha256=given.sha256, published_at=given.published_at,
            )
        )  # fmt: skip

    def _fail(self, service: PriceService, question: Question, error: FetchError | DataRefusedError) -> None:
        """Log a source that gave nothing."""
        failure = error if isinstance(error, FetchError) else FetchError(service.name, "wrong", error.message)
        if failure.status in (204, 404) and question.is_of_the_future:
            failure = FetchError(service.name, "late", f"it has no prices of {question.last} yet")
        self._unreachable = failure.cause == "unreachable"
        span = [question.first + timedelta(days=n) for n in range((question.last - question.first).days + 1)]
        missed = self._hoped_for if self._unreachable and self._hoped_for else span
        self._log.failed(self._name, "prices", failure, asked_at=self._now, days=(min(missed), max(missed)))
        self._left_alone = self._log.left_alone("prices", self._now)
        self._failures[service.name] = failure.message
        self._reasons |= dict.fromkeys(missed, failure.message)
