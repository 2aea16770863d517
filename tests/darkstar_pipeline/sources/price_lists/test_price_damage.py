"""True lists of prices, damaged as they are on the way: every price that is stored is the true one."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.price_lists.reading import read_price_lists
from darkstar_pipeline.sources.price_lists.recognition import offer_of_text

SITE = SiteSettings.model_validate({"area": "SE4"})
DAYS = {96: datetime(2026, 11, 26, 23, tzinfo=UTC), 92: datetime(2026, 3, 28, 23, tzinfo=UTC)} | {
    100: datetime(2026, 10, 24, 22, tzinfo=UTC)
}
UNITS = {"SEK/kWh": 1.0, "öre/kWh": 100.0, "SEK/MWh": 1000.0}
PRICES = st.floats(-0.5, 4.0, allow_nan=False).map(lambda price: round(price, 5))


@st.composite
def damaged(draw: st.DrawFn) -> tuple[dict[datetime, float], list[dict[str, object]], str]:
    """A day's true prices, and the entries of a list with some dropped, doubled, spoilt and out of order."""
    count = draw(st.sampled_from(sorted(DAYS)))
    pattern = draw(st.lists(PRICES, min_size=5, max_size=12).filter(any))
    truth = {DAYS[count] + timedelta(minutes=15 * n): pattern[n % len(pattern)] for n in range(count)}
    unit = draw(st.sampled_from(sorted(UNITS)))
    entries: list[dict[str, object]] = [
        {"start": at.isoformat(), "price": round(price * UNITS[unit], 6)} for at, price in truth.items()
    ]
    positions = st.sets(st.integers(0, count - 1), max_size=6)
    dropped, doubled, spoilt = draw(positions), draw(positions), draw(positions)
    kept = [dict(entry) for n, entry in enumerate(entries) if n not in dropped]
    kept += [dict(entries[n]) for n in doubled]
    kept += [{**entries[n], "price": draw(st.sampled_from(["n/a", None, float("nan"), 1e9, "0.1.2"]))} for n in spoilt]
    return truth, draw(st.permutations(kept)), unit


@given(damaged())
def test_every_price_that_is_read_is_true_whatever_happened_to_its_list(
    case: tuple[dict[datetime, float], list[dict[str, object]], str],
):
    truth, entries, unit = case
    offer = offer_of_text(json.dumps({"unit_of_measurement": unit, "prices": entries}), "file")
    assert offer is not None
    now = max(truth) - timedelta(hours=20)
    try:
        parsed = read_price_lists(offer, SITE, now)
    except DataRefusedError:  # nothing is stored, and the reason is told
        return
    for at, price, _ in parsed.rows.iter_rows():
        assert abs(truth[at] - price) < 1e-9
    stored, refused = parsed.rows.height, parsed.rejects.height
    assert stored + refused >= len({entry["start"] for entry in entries})


@pytest.mark.parametrize("start", [1e30, 10**20, 10**17, "0001-01-01T00:00:00+01:00"])
def test_a_start_that_no_calendar_has_is_refused(start: float | str):
    offer = offer_of_text(json.dumps({"prices": [{"start": start, "price": 0.5}]}), "file")
    assert offer is not None
    with pytest.raises(DataRefusedError, match="every one of its 1 prices was refused"):
        read_price_lists(offer, SITE, datetime(2026, 11, 26, tzinfo=UTC))
