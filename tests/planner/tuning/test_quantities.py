"""The steps of the learning engine: small, inside a range, and towards what readings show."""

from hypothesis import given
from hypothesis import strategies as st

from planner.tuning.quantities import QUANTITIES, quantities_of
from tests.builders.homes import PAPER_BATTERY

FOUND = quantities_of(PAPER_BATTERY)


@given(
    name=st.sampled_from(QUANTITIES),
    targets=st.lists(st.floats(-1e3, 1e3, allow_nan=False), min_size=1, max_size=40),
)
def test_whatever_readings_show_a_day_changes_little_and_the_range_holds(name: str, targets: list[float]) -> None:
    quantity = next(each for each in FOUND.values() if each.name == name)
    value = quantity.configured
    for target in targets:
        after = quantity.stepped(value, target)
        assert abs(after - value) <= quantity.most_step + 1e-12
        assert quantity.least - 1e-12 <= after <= quantity.most + 1e-12
        assert (after - value) * (quantity.clamped(target) - value) >= 0.0
        value = after


def test_what_readings_show_is_reached_when_it_stays() -> None:
    for quantity in FOUND.values():
        value, target = quantity.configured, (quantity.least + quantity.configured) / 2
        for _ in range(200):
            value = quantity.stepped(value, target)
        assert abs(value - target) < 1e-3 * max(abs(target), 1.0)


def test_configured_values_are_inside_their_range() -> None:
    assert set(FOUND) == set(QUANTITIES)
    for quantity in FOUND.values():
        assert quantity.least <= quantity.configured <= quantity.most
