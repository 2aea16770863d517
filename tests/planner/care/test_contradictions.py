"""Wishes that contradict each other or the battery are found from the settings alone."""

import math
from dataclasses import replace

import pytest

from env.care import Care, ReserveError, ReserveRule, check_reserve
from env.site import Limits
from planner.care.contradictions import contradictions, hours_to_full
from tests.builders.homes import PAPER_BATTERY, home

SLOW = replace(PAPER_BATTERY, charge_taper=((60.0, 4.0), (100.0, 0.02)))


def test_time_to_full_follows_power_taper_and_fuse() -> None:
    """8 kWh at 0.9 of 4 kW: 9 slots; behind a fuse of 1 kW 36."""
    assert hours_to_full(home(PAPER_BATTERY)) == pytest.approx(2.25)
    assert hours_to_full(home(PAPER_BATTERY, Limits(import_kw=1))) == pytest.approx(9.0)
    assert hours_to_full(home(PAPER_BATTERY)) < hours_to_full(home(SLOW)) < math.inf
    assert math.isinf(hours_to_full(home(replace(PAPER_BATTERY, charge_kw=0.0))))


@pytest.mark.parametrize(
    ("care", "battery", "said"),
    [
        (Care(), PAPER_BATTERY, None),
        (Care(full_charge_days=2, resting_soc_percent=80), PAPER_BATTERY, None),
        (Care(reserve=(ReserveRule(percent=50),), resting_soc_percent=60), PAPER_BATTERY, None),
        (Care(reserve=(ReserveRule(percent=60),), resting_soc_percent=60), PAPER_BATTERY, "a reserve keeps 70 %"),
        (Care(full_charge_days=14), replace(PAPER_BATTERY, charge_kw=0.0), "is never full"),
        (Care(full_charge_days=2), replace(PAPER_BATTERY, charge_kw=0.1), "takes 89 h to be full"),
    ],
)
def test_contradictions_are_told_with_what_to_do(care: Care, battery: object, said: str | None) -> None:
    found = contradictions(replace(home(battery), care=care))  # pyright: ignore[reportArgumentType] - a battery
    assert len(found) == (said is not None)
    assert all(str(said) in what and remedy for what, remedy in found)


def test_reserve_of_more_than_the_range_is_refused_whoever_asks() -> None:
    check_reserve(80.0, PAPER_BATTERY)
    with pytest.raises(ReserveError, match="at most 80"):
        check_reserve(80.5, PAPER_BATTERY)
