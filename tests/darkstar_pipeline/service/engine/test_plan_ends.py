"""A plan's document carries what energy left at its end is worth, so that the last valid plan is valued by it."""

import numpy as np
import pytest

from darkstar_pipeline.service.engine.plan_documents import end_as_before, plan_end_document
from darkstar_pipeline.service.schemas.plans import PlanDocument
from planner.plans.task import End
from planner.value.end_of_prices import FORECAST
from planner.value.terminal_value import TerminalValue

CURVE = TerminalValue(floor_kwh=0.0, widths_kwh=np.array([2.0, 3.0]), slopes=np.array([1.5, 0.5]))


@pytest.mark.parametrize("end", [End(value=0.8), End(curve=CURVE, basis=FORECAST)])
def test_end_of_a_plan_is_the_same_after_its_document(end: End) -> None:
    document = plan_end_document(end, 4.0)
    assert (document.basis, document.value) == (end.basis, end.marginal_value(4.0))
    plan = PlanDocument.model_construct(end=type(document).model_validate_json(document.model_dump_json()))
    again = end_as_before(plan)
    assert again.basis == end.basis
    gained = [each.value_gained(1.0, 4.0) for each in (again, end)]
    assert gained[0] == pytest.approx(gained[1])
