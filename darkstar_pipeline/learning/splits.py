"""Which days are learned from, chosen on and judged on: one after the other in time, with a gap between.

Neighbouring days are alike; a day beside a window belongs to none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count

from darkstar_pipeline.config.learning import LearningSettings
from darkstar_pipeline.errors import DataMissingError

Days = tuple[date, ...]
SHARE = 4  # of few days, a fourth is validation and a fourth is test


@dataclass(frozen=True, kw_only=True)
class Windows:
    """Usable days, each window in order.

    Attributes:
        train: learned from.
        validation: what is learned is chosen on them.
        test: judged on, never learned from or chosen on; empty where none were asked for.
    """

    train: Days
    validation: Days
    test: Days = ()

    @property
    def learned(self) -> Days:
        """Days that a policy has seen in any way before it is judged."""
        return (*self.train, *self.validation)


def split(days: Sequence[date], rules: LearningSettings, *, with_test: bool = False) -> Windows:
    """Windows of usable days: the last are for judging, those before for choosing, the rest for learning.

    Args:
        days: usable local days, in order.
        rules: how many days each window has at most, and the gap.
        with_test: whether days are kept for judging.

    Raises:
        DataMissingError: there are too few; says how many there are and how many are needed.
    """
    rest, test = list(days), list[date]()
    if with_test:
        rest, test = _cut(rest, min(rules.test_days, len(days) // SHARE), rules.gap_days)
    train, validation = _cut(rest, min(rules.validation_days, len(days) // SHARE), rules.gap_days)
    train = train[-rules.train_days :]
    if len(train) < rules.least_train_days or len(validation) < rules.least_judged_days:
        needed = _needed(rules, with_test=with_test)
        message = f"{len(days)} usable days are too few to learn from; about {needed} are needed"
        raise DataMissingError(message, "import and backfill more days; `darkstar quality` says why days are refused")
    return Windows(train=tuple(train), validation=tuple(validation), test=tuple(test))


def _needed(rules: LearningSettings, *, with_test: bool) -> int:
    """How many days in a row are enough."""
    caps = (rules.validation_days, rules.test_days) if with_test else (rules.validation_days,)

    def learned_from(n_days: int) -> int:
        return n_days - sum(min(cap, n_days // SHARE) + rules.gap_days for cap in caps)

    return next(n for n in count(SHARE * rules.least_judged_days) if learned_from(n) >= rules.least_train_days)


def _cut(days: list[date], last: int, gap: int) -> tuple[list[date], list[date]]:
    """The days before a gap, and the last ones."""
    if last == 0:
        return days, []
    late = days[-last:]
    return [day for day in days[:-last] if day < late[0] - timedelta(days=gap)], late
