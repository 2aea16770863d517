"""Pages of homes: by name, or by what their plans save in an order that stays as the first page found it."""

import base64
import binascii
import hashlib
import threading
from collections import OrderedDict
from typing import NamedTuple

import polars as pl

from darkstar_pipeline.config.fleet.columns import SITE
from darkstar_pipeline.service.http.errors import RequestError
from planner.wording.messages import phrase

MOST_KEPT = 5_000_000
"""Homes in all orders that are kept, 16 bytes each; the order that was longest not asked for goes."""
_BETWEEN = "@"
"""Between home and order in a cursor; no name of a home has it."""
_PLACE = "place"


class HomesPage(NamedTuple):
    """A page of homes.

    Attributes:
        rows: of the page, in its order.
        matching: homes on all pages.
        next: cursor of the page that follows; None on the last one.
    """

    rows: pl.DataFrame
    matching: int
    next: str | None


class Rankings:
    """The orders of homes by what their plans save, kept while somebody leafs through them.

    Savings change with every round of planning. Whoever goes on by a cursor gets the order of the first page, so that
    no home comes twice and none is passed over; an order is known by what is in it, and to its tenant alone.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str | None, str], pl.Series] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, tenant: str | None, name: str, ranking: pl.Series) -> None:
        """Keep the order that a tenant is shown."""
        with self._lock:
            self._kept[tenant, name] = ranking
            self._kept.move_to_end((tenant, name))
            while len(self._kept) > 1 and sum(map(len, self._kept.values())) > MOST_KEPT:
                self._kept.popitem(last=False)

    def find(self, tenant: str | None, name: str) -> pl.Series | None:
        """Return an order of a tenant's homes; None where it is no longer kept."""
        with self._lock:
            found = self._kept.get((tenant, name))
            if found is not None:
                self._kept.move_to_end((tenant, name))
            return found


def page_by_name(everyone: pl.DataFrame, matching: pl.DataFrame, cursor: str | None, limit: int) -> HomesPage:
    """Return a page of homes in the order of their names.

    It begins behind the home of the cursor, also where that no longer matches: its plan may have grown old meanwhile.

    Args:
        everyone: the homes that the reader sees, by name.
        matching: those that were asked for.
        cursor: `next` of the page before; None for the first one.
        limit: most homes of a page.

    Raises:
        RequestError: the cursor is none of these homes; one that the reader does not see is none, like any other text.
    """
    first = 0
    if cursor is not None:
        last = _decoded(cursor)
        if everyone[SITE].index_of(last) is None:
            raise _no_cursor()
        first = int(matching[SITE].search_sorted(last, side="right"))
    page = matching.slice(first, limit)
    more = first + page.height < matching.height
    return HomesPage(page, matching.height, _encoded(page[SITE][-1]) if more else None)


def page_by_saving(
    everyone: pl.DataFrame,
    matching: pl.DataFrame,
    *,
    rankings: Rankings,
    tenant: str | None,
    cursor: str | None,
    limit: int,
) -> HomesPage:
    """Return a page of homes that have a plan, those that save least first, by currency.

    Args:
        everyone: the homes that the reader sees, as they are now.
        matching: those that were asked for.
        rankings: the orders that are kept.
        tenant: whose homes they are; None for all.
        cursor: `next` of the page before; None for the first one.
        limit: most homes of a page.

    Raises:
        RequestError: the cursor is none of these homes, or its order is no longer kept.
    """
    last, _, name = ("", "", "") if cursor is None else _decoded(cursor).rpartition(_BETWEEN)
    ranking = rankings.find(tenant, name) if name else None
    if ranking is None:
        ranking = _ranked(everyone)
        if name not in ("", present := _name_of(ranking)):
            raise RequestError(
                phrase("the homes were planned anew since the page before"),
                phrase("leave the cursor out to begin with the first page"),
            )
        name = present
    place = -1 if cursor is None else ranking.index_of(last)
    if place is None:
        raise _no_cursor()
    ordered = pl.DataFrame([ranking]).with_row_index(_PLACE).join(matching, on=SITE, maintain_order="left")
    behind = ordered.filter(pl.col(_PLACE) > place)
    page = behind.head(limit)
    if page.height == behind.height:
        return HomesPage(page, ordered.height, None)
    rankings.keep(tenant, name, ranking)
    return HomesPage(page, ordered.height, _encoded(f"{page[SITE][-1]}{_BETWEEN}{name}"))


def _ranked(everyone: pl.DataFrame) -> pl.Series:
    """Return the names of the homes that have a plan, those that save least first."""
    ranking = everyone.select("currency", "saving", SITE).drop_nulls("saving")
    return ranking.sort("currency", "saving", SITE)[SITE]


def _name_of(ranking: pl.Series) -> str:
    """Return what a cursor names an order by: the same order has the same name in every process."""
    return hashlib.blake2b(ranking.hash(seed=0).to_numpy().tobytes(), digest_size=9).hexdigest()


def _encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


def _decoded(cursor: str) -> str:
    """Return the text of a cursor; nothing where it is none."""
    try:
        return base64.urlsafe_b64decode(cursor.encode()).decode()
    except (binascii.Error, ValueError):
        return ""


def _no_cursor() -> RequestError:
    return RequestError(
        phrase("the cursor is not one of these homes"), phrase("leave it out to begin with the first page")
    )
