"""A value function that was worked out is kept for whoever asks the same, and for nobody else."""

from dataclasses import replace

import numpy as np
import pytest

from darkstar_pipeline.config.site import SiteSettings
from env.site import Limits
from planner.value.day_peak import DayPeak
from planner.value.peak_value import PeakValueFunction
from planner.value.scenarios import Scenarios
from planner.value.slot_prices import SlotPrices
from planner.value.value_cache import recent_peak_value_function, recent_value_function
from planner.value.value_function import soc_grid, value_function

SITE = SiteSettings().site("home")
RNG = np.random.default_rng(4)
LOAD, PV = RNG.random((1, 3, 92)), RNG.random((1, 3, 92))
PRICE = RNG.normal(0.5, 0.6, size=(1, 92))
END = soc_grid(SITE.battery)[None]


def values_of(**changes: object) -> np.ndarray:
    """The values of a home, something about it changed."""
    args = {"load": LOAD, "pv": PV, "prior": None, "import_price": PRICE, "site": SITE, "end": END, "persistence": 0.9}
    args |= changes
    scenarios = Scenarios(args["load"], args["pv"], args["prior"])  # type: ignore[arg-type]
    return recent_value_function(
        scenarios,
        args["import_price"],
        PRICE,
        site=args["site"],
        end_value=args["end"],
        persistence=args["persistence"],
    ).value  # type: ignore[arg-type]


def test_same_question_has_the_same_answer_without_work() -> None:
    first = values_of()
    assert values_of(load=LOAD.copy()) is first
    fresh = value_function(Scenarios(LOAD, PV), PRICE, PRICE, site=SITE, end_value=END)
    assert np.array_equal(first, fresh.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"load": LOAD + 0.1},
        {"pv": PV * 0.5},
        {"prior": np.array([[0.5, 0.3, 0.2]])},
        {"import_price": PRICE - 1.0},
        {"site": replace(SITE, limits=Limits(import_kw=3.0))},
        {"site": replace(SITE, battery=replace(SITE.battery, charge_kw=1.0))},
        {"end": END * 2},
        {"persistence": 0.5},
    ],
    ids=["load", "pv", "prior", "price", "limits", "battery", "end", "persistence"],
)
def test_other_question_is_worked_out(changes: dict[str, object]) -> None:
    before = values_of()
    assert not np.array_equal(values_of(**changes), before)
    assert values_of() is before


def test_several_homes_are_worked_out_as_ever() -> None:
    both = Scenarios(np.concatenate([LOAD, LOAD]), np.concatenate([PV, PV]))
    prices, ends = np.concatenate([PRICE, PRICE]), np.concatenate([END, END])
    found = recent_value_function(both, prices, prices, site=SITE, end_value=ends)
    assert np.array_equal(found.value[:1], values_of())


def test_value_with_a_day_s_peak_is_kept_while_only_the_peak_so_far_changes() -> None:
    """Another level, rate or hour is another question."""
    peak = DayPeak(
        level_kw=np.array([1.0]),
        rate=27.0,
        kw_per_kwh=np.full(92, 4.0),
        period=np.arange(92),
        day=np.zeros(92, np.int64),
    )
    nothing = SlotPrices(free_kwh=np.zeros((0, 92)), price=np.zeros((0, 92)), period=np.zeros((0, 92), np.int64))

    def found(own: DayPeak) -> PeakValueFunction:
        scenarios = Scenarios(LOAD, PV)
        return recent_peak_value_function(scenarios, PRICE, PRICE, site=SITE, end_value=END, peak=own, others=nothing)

    first = found(peak)
    assert found(peak.begun(3.0)) is first
    for other in (
        replace(peak, level_kw=np.array([2.0])),
        replace(peak, rate=1.0),
        replace(peak, kw_per_kwh=peak.kw_per_kwh / 2),
    ):
        assert found(other) is not first
