"""Rates of exchange by day with their source: the European Central Bank's reference rates, kept in the state folder.

The rate of a day of the market is the last one that was published at least two days before: it is known when the prices
come, and the same whenever they are fetched.
"""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import cast

from darkstar_pipeline.fetching.answers import CSV, Request
from darkstar_pipeline.fetching.client import SourceClient
from darkstar_pipeline.fetching.errors import FetchError
from darkstar_pipeline.fetching.prices.services.json_service import named
from darkstar_pipeline.state.atomic_files import atomic_write
from darkstar_pipeline.state.folder_names import FETCHING_FOLDER
from planner.artifacts.atomic_files import make_folder

ECB = "https://data-api.ecb.europa.eu"
FRANKFURTER = "https://api.frankfurter.dev"
FIXED = {"EUR": 1.0, "BGN": 1.95583, "BAM": 1.95583}
"""Units a euro, of currencies whose rate is fixed by law."""
KNOWN_BEFORE = timedelta(days=2)
LONGEST_PAUSE = timedelta(days=7)
"""No rates are published on days without business; longer pauses there are none."""


@dataclass(frozen=True, kw_only=True)
class Rate:
    """A rate of exchange.

    Attributes:
        per_euro: units of the currency a euro.
        day: day of the rate; None where it is fixed by law.
        source: who published it.
    """

    per_euro: float
    day: date | None
    source: str


class Rates:
    """The rates of one currency.

    Args:
        home: the state folder.
        currency: ISO code.
        client: asks for those that are not kept.
        urls: addresses of the ECB's and of Frankfurter's interface.
    """

    def __init__(
        self, home: Path, currency: str, client: SourceClient, *, urls: tuple[str, str] = (ECB, FRANKFURTER)
    ) -> None:
        self._currency, self._client, self._urls = currency.upper(), client, urls
        self._file = home / FETCHING_FOLDER / f"rates_{self._currency}.json"
        self._kept: dict[str, tuple[float, str]] = _read(self._file)

    def ensure(self, first: date, last: date) -> None:
        """Fetch the rates of days of the market that are not kept.

        Raises:
            FetchError: no source gives them.
        """
        if self._currency in FIXED:
            return
        wanted = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        lacking = [day for day in wanted if self._newest(day) is None]
        if not lacking:
            return
        start, end = lacking[0] - KNOWN_BEFORE - LONGEST_PAUSE, lacking[-1] - KNOWN_BEFORE
        try:
            found, source = self._of_ecb(start, end), "ECB"
        except FetchError:
            found, source = self._of_frankfurter(start, end), "ECB by Frankfurter"
        self._kept |= {day: (rate, source) for day, rate in found.items()}
        make_folder(self._file.parent)
        with atomic_write(self._file) as temporary:
            temporary.write_text(json.dumps(self._kept, sort_keys=True, indent=0), encoding="utf-8")

    def of(self, day: date) -> Rate:
        """Return the rate of a day of the market.

        Raises:
            FetchError: it is not known.
        """
        if self._currency in FIXED:
            return Rate(per_euro=FIXED[self._currency], day=None, source="fixed by law")
        found = self._newest(day)
        if found is None:
            reason = f"the rate of {self._currency} for {day} is not known"
            raise FetchError("ecb", "late", reason, "nothing: it is asked again automatically")
        return found

    def _newest(self, day: date) -> Rate | None:
        """Return the newest rate that was known for a day of the market."""
        newest = day - KNOWN_BEFORE
        for back in range(LONGEST_PAUSE.days):
            at = newest - timedelta(days=back)
            if (kept := self._kept.get(at.isoformat())) is not None:
                return Rate(per_euro=kept[0], day=at, source=kept[1])
        return None

    def _of_ecb(self, first: date, last: date) -> dict[str, float]:
        params = {"startPeriod": first.isoformat(), "endPeriod": last.isoformat(), "format": "csvdata"}
        path = f"{self._urls[0]}/service/data/EXR/D.{self._currency}.EUR.SP00.A"
        answer = self._client.ask(Request(source="ecb", url=path, params=params, accepts=CSV))
        rows = csv.DictReader(io.StringIO(answer.text()))
        return _checked("ecb", {str(row.get("TIME_PERIOD")): row.get("OBS_VALUE") for row in rows})

    def _of_frankfurter(self, first: date, last: date) -> dict[str, float]:
        params = {"base": "EUR", "symbols": self._currency}
        path = f"{self._urls[1]}/v1/{first}..{last}"
        answer = self._client.ask(Request(source="frankfurter", url=path, params=params))
        days = named(answer.json(), "rates")
        by_day = cast("dict[str, object]", days) if isinstance(days, dict) else {}
        return _checked("frankfurter", {day: named(rates, self._currency) for day, rates in by_day.items()})


def _checked(source: str, found: Mapping[str, object]) -> dict[str, float]:
    """Return rates by day.

    Raises:
        FetchError: there are none, or one is no rate.
    """
    try:
        rates = {date.fromisoformat(day).isoformat(): float(str(rate)) for day, rate in found.items()}
    except ValueError as error:
        raise FetchError(source, "wrong", "its answer has something else than rates by day") from error
    if not rates or not all(0 < rate < 1e6 for rate in rates.values()):  # noqa: PLR2004 - no currency is worth less
        raise FetchError(source, "wrong", "its answer has no rates")
    return rates


def _read(file: Path) -> dict[str, tuple[float, str]]:
    """Return the rates that are kept; none where the file is missing or damaged: they are fetched again."""
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        return {str(day): (float(rate), str(source)) for day, (rate, source) in kept.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
