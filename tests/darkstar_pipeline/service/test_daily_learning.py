"""The service takes the learning engine's step once a local day, not before the night's readings are there."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.models.learned_values import LearnedHistory
from darkstar_pipeline.service.daily_learning import DailyLearning
from tests.builders.service_home import HandClock, moment
from tests.builders.small_home import small_context

DAY = date(2025, 10, 27)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return small_context(tmp_path)


def test_a_day_is_learned_once_and_after_the_night(context: Context) -> None:
    clock = HandClock(at=moment(DAY, 1))
    learning = DailyLearning(lambda: context, clock)
    history = LearnedHistory(context.lake, context.site)
    learning.check()
    assert history.rows().is_empty(), "readings of yesterday may still come"
    clock.at = moment(DAY, 3)
    learning.check()
    rows = history.rows()
    assert set(rows["local_day"]) == {DAY}
    learning.check()
    DailyLearning(lambda: context, clock).check()
    assert history.rows().equals(rows), "neither a second look nor a restart learns again"


def test_what_fails_is_tried_again(context: Context) -> None:
    tried: list[date] = []

    def learn(_: Context, day: date) -> pl.DataFrame:
        tried.append(day)
        if len(tried) == 1:
            raise DataMissingError("the disk is full", "make room")
        return pl.DataFrame()

    learning = DailyLearning(lambda: context, HandClock(at=moment(DAY, 3)), learn=learn)
    with pytest.raises(DataMissingError):
        learning.check()
    learning.check()
    learning.check()
    assert tried == [DAY, DAY]
