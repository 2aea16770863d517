from pathlib import Path

import pytest

from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.antares_slots import get_antares_slots
from planner.errors import DatasetVersionError
from planner.training.antares_slots import SLOT_COLUMNS
from tests.builders.graded_home import AUTUMN, graded_context
from tests.builders.small_home import DAYS, SHORT_DAY, small_context


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """A fortnight observed, priced and graded, one day of it masked; nothing forecast or replayed."""
    return graded_context(tmp_path)


def test_slots_of_graded_days_are_read_when_nothing_else_is_materialised(context: Context) -> None:
    slots = get_antares_slots(context)
    assert slots.columns == ["site", *SLOT_COLUMNS]
    counts = dict(slots.group_by("local_day").len().iter_rows())
    assert counts == {day: 100 if day == AUTUMN else 96 for day in DAYS if day != SHORT_DAY}
    assert slots.filter("battery_masked")["local_day"].unique().to_list() == [AUTUMN]
    assert slots["load_forecast_kwh"].null_count() == slots["soc_kwh"].null_count() == slots.height


def test_slots_are_those_of_the_requested_days(context: Context) -> None:
    slots = get_antares_slots(context, AUTUMN, AUTUMN, dataset_version="v1")
    assert slots.height == 100
    assert slots["site"].unique().to_list() == ["home"]


def test_nothing_is_found_when_nothing_is_materialised(tmp_path: Path) -> None:
    assert get_antares_slots(small_context(tmp_path, filled=False)).is_empty()


def test_version_is_refused_when_it_does_not_exist(context: Context) -> None:
    with pytest.raises(DatasetVersionError, match="'v7' is not known"):
        get_antares_slots(context, dataset_version="v7")
