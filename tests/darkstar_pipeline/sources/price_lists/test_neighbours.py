"""Prices beside those of other areas: a day that is a neighbour's, moved or scaled, is refused; real splits stay."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.ingest.report import ImportReport
from darkstar_pipeline.sources.price_lists.neighbours import unlike_days
from darkstar_pipeline.sources.price_lists.reading import read_price_lists
from darkstar_pipeline.sources.price_lists.recognition import offer_of_document
from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.schemas import RAW_SPOT_PRICES
from env.time_grid import SLOT_DTYPE
from env.types import Energy as Numbers
from tests.builders.tidy_files import SITE, Place, csv, import_prices

MIDNIGHT = datetime(2026, 1, 9, 23, tzinfo=UTC)
DAY = 96
DAYS = 9
SPOILT = slice(7 * DAY, 8 * DAY)
"""17 January."""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(Lake(tmp_path / "lake"), tmp_path / "quarantine", tmp_path)


def curve(seed: int) -> Numbers:
    """Prices of nine days, each with a shape of its own."""
    rng = np.random.default_rng(seed)
    hours = rng.normal(0, 0.05, (DAYS, 24)).cumsum(axis=1) + 0.6 + rng.uniform(0, 0.4, (DAYS, 1))
    return np.round(np.repeat(hours.ravel(), 4) + rng.normal(0, 0.004, DAYS * DAY), 5)


COUPLED = curve(1)
SPLIT = curve(2)


def spoilt(prices: Numbers, way: Callable[[Numbers], Numbers]) -> Numbers:
    return np.concatenate([prices[: SPOILT.start], way(prices[SPOILT]), prices[SPOILT.stop :]])


def late(day: Numbers) -> Numbers:
    return np.concatenate([day[:4], day[:-4]])


def early(day: Numbers) -> Numbers:
    return np.concatenate([day[4:], day[-4:]])


def imported(place: Place, own: Numbers, **others: Numbers) -> ImportReport:
    starts = [MIDNIGHT + timedelta(minutes=15 * n) for n in range(len(own))]
    parts = [
        pl.DataFrame({"slot_start": starts, "area": area, "price": prices})
        for area, prices in {"SE3": own, **others}.items()
    ]
    return import_prices(place, "areas.csv", csv(pl.concat(parts)))


FAULTS: list[tuple[str, Callable[[Numbers], Numbers], str]] = [
    ("late", late, "they are SE2's, an hour late"),
    ("early", early, "they are SE2's, an hour early"),
    ("with VAT", lambda day: day * 1.25, "they are 1.25 times SE2's, slot by slot"),
    ("in euro", lambda day: day / 11.2, "they are 0.0893 times SE2's, slot by slot"),
    ("negated", lambda day: -day, "they are -1 times SE2's, slot by slot"),
    ("of the week before", lambda _: COUPLED[:DAY], "they are those of 2026-01-10"),
]


@pytest.mark.parametrize(("way", "why"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS])
def test_day_that_is_a_neighbours_once_it_is_moved_is_refused_with_the_hour_and_the_rule(
    way: Callable[[Numbers], Numbers], why: str, place: Place
):
    report = imported(place, spoilt(COUPLED, way), SE2=COUPLED, SE4=SPLIT)
    assert (report.rows_rejected, report.slots_new) == (DAY, (DAYS - 1) * DAY)
    (note,) = [note for note in report.notes if "were refused" in note]
    assert "the prices of 2026-01-17 are unlike those of SE2, SE4 (most at " in note
    assert why in note
    assert date(2026, 1, 17) not in place.lake.read(RAW_SPOT_PRICES, "home")["local_day"].to_list()


def test_day_of_the_site_that_comes_again_later_is_refused_the_second_time(place: Place):
    report = imported(place, spoilt(SPLIT, lambda _: SPLIT[3 * DAY : 4 * DAY]), SE2=COUPLED)
    assert report.rows_rejected == DAY
    assert any("those of 2026-01-13" in note and "the prices of 2026-01-17" in note for note in report.notes)


@pytest.mark.parametrize(
    ("own", "others"),
    [
        pytest.param(COUPLED, {"SE2": COUPLED, "SE4": SPLIT}, id="coupled with one"),
        pytest.param(SPLIT, {"SE2": COUPLED, "SE4": COUPLED}, id="split from all"),
        pytest.param(COUPLED * 0 + 0.3, {"SE2": COUPLED}, id="flat"),
        pytest.param(COUPLED, {"SE2": COUPLED * 0}, id="beside zeros"),
        pytest.param(COUPLED * 1.01, {"SE2": COUPLED}, id="with a loss factor"),
        pytest.param(COUPLED * 1.3, {"SE2": COUPLED}, id="a file of a factor"),
        pytest.param(spoilt(COUPLED, late), {}, id="no neighbour known"),
    ],
)
def test_prices_that_no_neighbour_explains_stay(own: Numbers, others: dict[str, Numbers], place: Place):
    assert imported(place, own, **others).rows_rejected == 0


def test_factor_that_holds_for_most_of_a_file_is_told(place: Place):
    report = imported(place, COUPLED * 1.3, SE2=COUPLED)
    (note,) = [note for note in report.notes if "times SE2's" in note]
    assert note.startswith("areas.csv: the prices of 2026-01-10 are unlike those of SE2 (most at ")
    assert note.endswith("so are most days of the file, so they are taken: check whose prices they are")


def test_hours_are_compared_with_quarters(place: Place):
    starts = [MIDNIGHT + timedelta(hours=n) for n in range(DAYS * 24)]
    hours = COUPLED[::4]
    own = np.concatenate([hours[: 7 * 24], hours[7 * 24 : 7 * 24 + 1], hours[7 * 24 : 8 * 24 - 1], hours[8 * 24 :]])
    parts = [
        pl.DataFrame({"slot_start": starts, "area": "SE3", "price": own}),
        pl.DataFrame({"slot_start": starts, "area": "SE2", "price": hours}),
    ]
    assert import_prices(place, "hours.csv", csv(pl.concat(parts))).rows_rejected == 24


def test_list_of_a_service_that_holds_several_areas_is_compared_too():
    def listed(prices: Numbers) -> list[dict[str, object]]:
        return [
            {"start": (MIDNIGHT + timedelta(minutes=15 * n)).isoformat(), "price": round(1000 * float(price), 2)}
            for n, price in enumerate(prices)
        ]

    document = {"SE3": listed(spoilt(COUPLED, late)), "SE4": listed(COUPLED)}
    offer = offer_of_document(document, "action.json")
    assert offer is not None
    site: SiteSettings = SITE
    parsed = read_price_lists(offer, site, datetime(2026, 2, 1, tzinfo=UTC))
    assert parsed.rejects.height == DAY
    assert "they are SE4's, an hour late" in parsed.rejects["reason"][0]


@pytest.mark.thorough
def test_no_true_day_of_sweden_is_refused(shared_data: Path):
    file = shared_data / "spot_prices_se.parquet"
    prices = pl.read_parquet(file).select(pl.col("slot_start").cast(SLOT_DTYPE), "area", "sek_per_kwh").drop_nulls()
    day = pl.col("slot_start").dt.convert_time_zone("Europe/Stockholm").dt.date().alias("local_day")
    wide = prices.pivot(on="area", index="slot_start", values="sek_per_kwh").sort("slot_start").with_columns(day)
    for area in ("SE1", "SE2", "SE3", "SE4"):
        assert unlike_days(wide.rename({area: "_own"}).drop_nulls("_own"), "Europe/Stockholm") == {}
