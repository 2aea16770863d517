"""Statements that homes share: of the same efficiencies, whatever their size and power."""

from dataclasses import replace

import numpy as np
import pytest

from env.battery import Battery
from env.site import Limits
from planner.optimizer.compiled_form import Wishes, compiled_form, shared_form
from planner.optimizer.deferrable_loads import LoadShapes
from tests.builders.homes import PAPER_BATTERY

NO_LOADS = LoadShapes()
LIMITS = Limits(import_kw=11.0, export_kw=4.0, inverter_kw=6.0)


@pytest.mark.parametrize("battery", [PAPER_BATTERY, PAPER_BATTERY.resized(25.0), PAPER_BATTERY.scaled(2.0)])
def test_statement_is_that_of_the_home_itself_when_it_is_shared(battery: Battery) -> None:
    shared, _ = shared_form(battery, (), LIMITS, 4, 0, NO_LOADS, (), Wishes())
    own, _ = compiled_form(battery, (), LIMITS, 4, 0, NO_LOADS, (), Wishes())
    assert (
        shared
        is shared_form(PAPER_BATTERY, (), Limits(import_kw=25.0, inverter_kw=6.0), 4, 0, NO_LOADS, (), Wishes())[0]
    )
    for name in ("matrix", "cost", "right"):
        assert np.array_equal(getattr(shared, name).toarray(), getattr(own, name).toarray()), name
    for name in ("lower", "upper"):
        assert np.array_equal(getattr(shared, name).map.toarray(), getattr(own, name).map.toarray()), name


def test_statement_is_the_homes_own_when_its_size_is_in_it() -> None:
    worn = replace(PAPER_BATTERY, cycle_cost=3.0)
    forms = [shared_form(each, (), LIMITS, 4, 0, NO_LOADS, (), Wishes())[0] for each in (worn, worn.resized(25.0))]
    own = [compiled_form(each, (), LIMITS, 4, 0, NO_LOADS, (), Wishes())[0] for each in (worn, worn.resized(25.0))]
    for shared, alone in zip(forms, own, strict=True):
        assert np.array_equal(shared.cost.toarray(), alone.cost.toarray())
