"""The page's state of the tariff: told where it is past its days, silent where it is of today."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.context import open_context
from darkstar_pipeline.service.engine.input_status import collect_inputs
from planner.plans.task import LoadRequests
from tests.builders.small_home import fill


@pytest.mark.parametrize(("valid_until", "told"), [("2025-10-31", True), ("2025-12-31", False)])
def test_page_says_when_the_tariff_is_past_its_days(tmp_path: Path, valid_until: str, *, told: bool) -> None:
    settings = SiteSettings.model_validate({"tariff": [{"valid_until": valid_until}]})
    context = open_context(settings=Settings(sites={"home": settings}), home=tmp_path)
    fill(context.lake, "home")
    at = datetime(2025, 11, 2, 8, tzinfo=UTC)
    status = collect_inputs(context, at, live=None, last=None, requests=LoadRequests(), lookback_days=7)
    notes = [each.note for each in status.inputs if each.name == "tariff"]
    assert status.plan_inputs is not None, status.problem
    assert bool(notes) is told
    assert not told or "is known until 2025-10-31" in notes[0]
