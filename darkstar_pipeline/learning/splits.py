"""Split of days into training, validation and test windows, in order of time, with a gap between.

Neighbouring days are alike; a day beside a window belongs to none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count

from darkstar_pipeline.config.learning import LearningSettings
from darkstar_pipeline.errors import DataMissingError

Days = tuple[date, ...]
WINDOW_DIVISOR = 4  # of few days, a fourth is validation and a fourth is test


@dataclass(frozen=True, kw_only=True)
class Windows:
    """Usable days, each window in order.

    Attributes:
        train: training days.
        validation: validation days.
        test: test days, used for nothing else; empty without a test.
    """

    train: Days
    validation: Days
    test: Days = ()

    @property
    def learned(self) -> Days:
        """Days that a policy has seen in any way before the test."""
        return (*self.train, *self.validation)


def split(
    days: Sequence[date], rules: LearningSettings, *, with_test: bool = False, whole_months: bool = False
) -> Windows:
    """Return the windows of usable days: the last for the test, those before for validation, the rest for training.

    Args:
        days: usable local days, in order.
        rules: largest number of days of each window, and the gap.
        with_test: whether to keep days for a test.
        whole_months: whether the test begins with a month, as bills with a demand charge do, where the days before it
            are enough to learn from.

    Raises:
        DataMissingError: there are too few days.
    """
    rest, test = list(days), list[date]()
    if with_test:
        last = min(rules.test_days, len(days) // WINDOW_DIVISOR)
        before = _earlier_in_month(days, last) if whole_months else 0
        if before:
            try:
                return _windows(*_cut_last(rest, last + before, rules.gap_days), rules, len(days), with_test=True)
            except DataMissingError:
                pass  # a part of a month is billed alike for all
        rest, test = _cut_last(rest, last, rules.gap_days)
    return _windows(rest, test, rules, len(days), with_test=with_test)


def _earlier_in_month(days: Sequence[date], last: int) -> int:
    """Return the number of days of the month that the last days begin in, before them."""
    first = days[-last] if last else None
    return 0 if first is None else sum(first.replace(day=1) <= day < first for day in days)


def _windows(rest: list[date], test: list[date], rules: LearningSettings, n_days: int, *, with_test: bool) -> Windows:
    """Cut the days before the test into training and validation.

    Raises:
        DataMissingError: there are too few.
    """
    train, validation = _cut_last(rest, min(rules.validation_days, n_days // WINDOW_DIVISOR), rules.gap_days)
    train = train[-rules.train_days :]
    if len(train) < rules.least_train_days or len(validation) < rules.least_judged_days:
        needed = _needed_days(rules, with_test=with_test)
        message = f"{n_days} usable days are too few to learn from; about {needed} are needed"
        raise DataMissingError(message, "import and backfill more days; `darkstar quality` says why days are refused")
    return Windows(train=tuple(train), validation=tuple(validation), test=tuple(test))


def _needed_days(rules: LearningSettings, *, with_test: bool) -> int:
    """Return the number of days in a row that is enough."""
    caps = (rules.validation_days, rules.test_days) if with_test else (rules.validation_days,)

    def learned_from(n_days: int) -> int:
        return n_days - sum(min(cap, n_days // WINDOW_DIVISOR) + rules.gap_days for cap in caps)

    return next(n for n in count(WINDOW_DIVISOR * rules.least_judged_days) if learned_from(n) >= rules.least_train_days)


def _cut_last(days: list[date], last: int, gap: int) -> tuple[list[date], list[date]]:
    """Return the days before a gap, and the last ones."""
    if last == 0:
        return days, []
    late = days[-last:]
    return [day for day in days[:-last] if day < late[0] - timedelta(days=gap)], late
