"""Pages of homes: whatever is planned between two of them, no home comes twice and none is passed over."""

from collections.abc import Sequence

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkstar_pipeline.service.fleet import home_pages
from darkstar_pipeline.service.fleet.home_pages import Rankings, page_by_saving
from darkstar_pipeline.service.http.errors import RequestError

SCHEMA = {"site": pl.String, "currency": pl.String, "saving": pl.Float64}
SAVINGS = st.one_of(st.none(), st.sampled_from([-1.0, 0.0, 1.0]), st.floats(-9, 9))
Homes = dict[str, tuple[str, float | None]]


@st.composite
def rounds(draw: st.DrawFn) -> tuple[int, list[Homes]]:
    """The size of a page, and what every home saves at each of them; some homes come and go."""
    names = [f"home{number}" for number in range(draw(st.integers(1, 12)))]
    home = st.tuples(st.sampled_from(["EUR", "SEK"]), SAVINGS)
    first = draw(st.fixed_dictionaries(dict.fromkeys(names, home)))
    later = st.dictionaries(st.sampled_from([*names, "new", "another"]), home)
    return draw(st.integers(1, 5)), [first, *draw(st.lists(later, min_size=12, max_size=12))]


def frame(homes: Homes) -> pl.DataFrame:
    rows = [(site, *found) for site, found in sorted(homes.items())]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def leafed(limit: int, worlds: Sequence[Homes], chosen: Sequence[str | None]) -> list[list[str]]:
    """Return the names on every page, where the homes are planned anew, and others match, between all of them."""
    rankings, cursor, found = Rankings(), None, list[list[str]]()
    for world, letters in zip(worlds, chosen, strict=True):
        everyone = frame(world)
        matching = everyone if letters is None else everyone.filter(pl.col("site").is_in(list(letters)))
        page = page_by_saving(everyone, matching, rankings=rankings, tenant="a", cursor=cursor, limit=limit)
        found.append(page.rows["site"].to_list())
        cursor = page.next
        if cursor is None:
            return found
    raise AssertionError(found)


@given(rounds())
def test_every_home_comes_once_in_the_first_pages_order_whatever_is_planned_meanwhile(
    case: tuple[int, list[Homes]],
) -> None:
    limit, (first, *later) = case
    shown = [site for page in leafed(limit, [first, *later], [None] * 13) for site in page]
    order = sorted((currency, saving, site) for site, (currency, saving) in first.items() if saving is not None)
    assert shown == [site for *_, site in order if site in shown]
    gone = {site for world in later for site in first if site not in world}
    assert set(shown) >= {site for *_, site in order} - gone


def test_the_rest_follows_when_the_home_of_the_cursor_no_longer_matches() -> None:
    world: Homes = {name: ("SEK", float(place)) for place, name in enumerate("abcdef")}
    assert leafed(1, [world] * 4, ["ab", "bcdef", "cdf", "f"]) == [["a"], ["b"], ["c"], ["f"]]


def test_a_cursor_is_refused_once_its_order_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home_pages, "MOST_KEPT", 3)
    rankings = Rankings()
    homes, moved = frame({"a": ("SEK", 1.0), "b": ("SEK", 2.0)}), frame({"a": ("SEK", 2.0), "b": ("SEK", 1.0)})

    def page(everyone: pl.DataFrame, cursor: str | None, tenant: str | None = "a") -> home_pages.HomesPage:
        return page_by_saving(everyone, everyone, rankings=rankings, tenant=tenant, cursor=cursor, limit=1)

    cursor = page(homes, None).next
    assert page(moved, cursor).rows["site"].to_list() == ["b"]  # the order of the first page
    with pytest.raises(RequestError, match=r"not one of these homes|planned anew"):
        page(moved, cursor, tenant="other")
    page(moved, None)
    page(moved, None, tenant=None)  # two orders of two homes each: the first one goes
    with pytest.raises(RequestError, match="planned anew since the page before"):
        page(moved, cursor)
    assert page(homes, cursor).rows["site"].to_list() == ["b"]  # the same order is the same in every process
