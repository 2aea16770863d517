"""The judgement of a canary: the version that a share of a class's homes runs ahead of the others.

The homes of the canary are replayed by both versions on the days since it began, so that nothing but the version
differs. A canary that is surely dearer, or breaches a limit, is taken back at once; one that is not, on enough days, is
for all homes. It was shown to be cheaper before (`class_test`); what a canary shows is what test days could not.
"""

from dataclasses import dataclass
from typing import Any, Literal

from planner.evaluation.class_test import LEAST_HOMES, ClassCosts, ClassFinding, assess_class
from planner.evaluation.promotion_test import LEAST_DAYS

LEAST_WORSE_DAYS = 7
"""Days before which a canary cannot be surely dearer."""
WORSE = 0.05
"""P-value up to which a canary counts as surely dearer."""
Step = Literal["rollback", "promote", "wait"]


@dataclass(frozen=True)
class CanaryVerdict:
    """Verdict on a canary: the next step.

    Attributes:
        step: `rollback`, `promote` to all homes, or `wait` for more days.
        finding: what its days say.
        reasons: in words; never empty.
    """

    step: Step
    finding: ClassFinding
    reasons: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """Return the evidence as plain values, for the journal."""
        found = self.finding
        low, high = (None, None) if found.bounds is None else found.bounds
        return {
            "step": self.step,
            "promote": self.step == "promote",
            "difference_per_home_day": found.difference,
            "low_per_home_day": low,
            "bound_per_home_day": high,
            "p_value_of_worse": found.p_worse,
            "homes": found.n_homes,
            "days": found.n_days,
            "breaches": found.breaches,
            "reasons": list(self.reasons),
        }


def judge_canary(costs: ClassCosts, *, least_days: int = LEAST_DAYS) -> CanaryVerdict:
    """Return what becomes of a canary.

    Args:
        costs: of the canary's homes on the days since it began: the champion's, and the canary's as challenger.
        least_days: days after which it is for all homes.

    Raises:
        UnpairedCostsError: the home-days of both do not pair.
    """
    found = assess_class(costs, least_days=LEAST_WORSE_DAYS)
    differs = f"{found.difference or 0.0:+.4g} a home-day over {found.n_homes} homes and {found.n_days} days"
    differs = differs if found.n_days else "no day of its homes was replayed yet"
    if found.breaches:
        return CanaryVerdict("rollback", found, (f"limits were exceeded in {found.breaches} slots",))
    if found.p_worse <= WORSE:
        return CanaryVerdict("rollback", found, (f"surely dearer: {differs}, p-value {found.p_worse:.2g}",))
    if found.n_homes < LEAST_HOMES or found.n_days < least_days:
        needed = f"at least {LEAST_HOMES} homes and {least_days} days are needed"
        return CanaryVerdict("wait", found, (f"not judged yet: {differs}; {needed}",))
    return CanaryVerdict("promote", found, (f"not dearer: {differs}",))
