"""The promotion test of classes of homes: which challengers are cheaper, of many that are judged at once?

Homes of a class share weather and prices, so that its days are no independent trials of each home; and its homes
differ, so that they are no independent trials of each day. The mean over all home-days therefore has a standard error
clustered both ways (Cameron, Gelbach & Miller 2011, "Robust inference with multiway clustering"): by day with the
long-run variance of `promotion_test`, whose days resemble their neighbours, and by home. Of two-way and one-way errors
the largest counts, the mean is moved for rare dear days as there, with Student's t on the fewest degrees of freedom,
and the p-value is twice the one-sided one, for the reason for which `promotion_test` takes the quantile of 97.5 %.

Over classes the rate of false discoveries is held (Benjamini & Hochberg 1995): of the classes that are promoted, at
most that share is no better, in expectation. Classes depend positively on each other through weather and prices, under
which the procedure holds (Benjamini & Yekutieli 2001).

Challengers that differ from the champion by noise alone have a p-value below 5 % in 0.5 to 5.5 of 100 classes (normal,
heavy tails, rare dear days; 6 to 200 homes, 28 to 60 days; days repeat 0 to 0.5 of the day before; a third of the
variance is common to all homes), and no fleet of 200 such classes in twelve promoted any. Power: of 100 classes whose
challenger is really cheaper, a fifth of 200, so many are promoted; a home-day scatters by 4 % of its cost, of whose
variance the homes have the stated share in common, and homes' own gains by 0.5 points:

    in common   homes, days   1 % cheaper   2 %   3 %
    10 %        12, 42                  0    11    55
                50, 42                  0    63    91
                12, 90                 15    72    98
                50, 90                 42    92   100
    30 %        50, 42                  0    32    46
                50, 90                  8    41    91

What does not belong here: the replay, and the move of the pointer (`darkstar_pipeline.models.fleet`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtr, stdtrit

from env.inverter import Energy
from planner.errors import UnpairedCostsError
from planner.evaluation.promotion_test import LEAST_DAYS, cosine_variance, towards_dear_days

LEAST_HOMES = 5
RATE = 0.05
METHOD = (
    "paired home-days, standard error clustered by home and by day (Cameron, Gelbach & Miller 2011; days: cosine "
    "long-run variance), doubled one-sided p-value of Student's t, Benjamini-Hochberg over classes"
)
_TAIL = 0.025  # of the t distribution in the bound, see `promotion_test`


@dataclass(frozen=True)
class ClassCosts:
    """Costs of the test days of a class's homes, each `(n_homes, n_days)`; nan where a home lacks a day.

    Attributes:
        champion: cost by the policy in use [money].
        challenger: the same by the challenger [money].
        breaches: slots in which the challenger exceeded a limit.
    """

    champion: Energy
    challenger: Energy
    breaches: int = 0


@dataclass(frozen=True)
class ClassFinding:
    """Findings on the test days of one class, before other classes are looked at.

    Attributes:
        n_homes: homes with a test day.
        n_days: days on which some home was tested.
        difference: mean cost of a home-day by the challenger less the champion's [money]; None without any.
        bounds: lower and upper bound of that, each of 95 % one-sided [money]; None where there is too little.
        relative: the difference as a share of the champion's mean cost; None where that is not positive.
        p_better: p-value of "not cheaper"; 1 where there is too little to tell.
        p_worse: p-value of "not dearer".
        breaches: slots in which the challenger exceeded a limit.
        objections: reasons that forbid a promotion whatever the p-value.
    """

    n_homes: int
    n_days: int
    difference: float | None
    bounds: tuple[float, float] | None
    relative: float | None
    p_better: float
    p_worse: float
    breaches: int
    objections: tuple[str, ...]


def assess_class(costs: ClassCosts, *, least_homes: int = LEAST_HOMES, least_days: int = LEAST_DAYS) -> ClassFinding:
    """Return what the paired costs of a class say of its challenger.

    Raises:
        UnpairedCostsError: the home-days of both do not pair.
    """
    saved = _paired(costs)
    known = np.isfinite(saved)
    saved, known = saved[known.any(axis=1)][:, known.any(axis=0)], known[known.any(axis=1)][:, known.any(axis=0)]
    n_homes, n_days = saved.shape
    few = [
        f"too few {what}: {n}, at least {least} are needed"
        for what, n, least in (("homes", n_homes, least_homes), ("test days", n_days, least_days))
        if n < least
    ]
    mean = float(saved[known].mean()) if known.any() else None
    scale = float(np.nanmean(costs.champion[np.isfinite(costs.challenger)])) if known.any() else 0.0
    bounds, p_better, p_worse = None, 1.0, 1.0
    if mean is not None and not few:
        error, degrees = _standard_error(np.where(known, saved - mean, 0.0), known)
        width = float(stdtrit(degrees, 1 - _TAIL)) * error
        days = np.where(known, saved - mean, 0.0).sum(axis=0) / known.sum(axis=0).mean()
        dear = mean + towards_dear_days(days, mean, width)
        bounds = (mean - width, dear + width)
        p_better, p_worse = _doubled_tail(dear, error, degrees), _doubled_tail(-mean, error, degrees)
    breached = [f"limits were exceeded in {costs.breaches} slots"] if costs.breaches else []
    return ClassFinding(
        n_homes=n_homes,
        n_days=n_days,
        difference=mean,
        bounds=bounds,
        relative=mean / scale if mean is not None and scale > 0 else None,
        p_better=p_better,
        p_worse=p_worse,
        breaches=costs.breaches,
        objections=(*few, *breached),
    )


@dataclass(frozen=True)
class ClassVerdict:
    """The verdict on one class among those judged together.

    Attributes:
        promote: whether the challenger may come into use.
        finding: what its own days say.
        adjusted: p-value adjusted for the number of classes judged together.
        rate: rate of false discoveries that was held.
        n_classes: classes judged together.
        reasons: what speaks for or against, in words; never empty.
    """

    promote: bool
    finding: ClassFinding
    adjusted: float
    rate: float
    n_classes: int
    reasons: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """Return the evidence as plain values, for tags and journals."""
        found = self.finding
        low, high = (None, None) if found.bounds is None else found.bounds
        return {
            "promote": self.promote,
            "difference_per_home_day": found.difference,
            "low_per_home_day": low,
            "bound_per_home_day": high,
            "relative": found.relative,
            "p_value": found.p_better,
            "adjusted_p_value": self.adjusted,
            "false_discovery_rate": self.rate,
            "classes": self.n_classes,
            "method": METHOD,
            "homes": found.n_homes,
            "days": found.n_days,
            "breaches": found.breaches,
            "reasons": list(self.reasons),
        }


def assess_classes(findings: Mapping[str, ClassFinding], *, rate: float = RATE) -> dict[str, ClassVerdict]:
    """Return the verdict on each class, the rate of false discoveries held over all of them together.

    Classes that are forbidden for another reason count among those judged: nobody may choose the family afterwards.
    """
    from scipy.stats import false_discovery_control  # half a second to import

    if not findings:
        return {}
    adjusted = false_discovery_control([each.p_better for each in findings.values()], method="bh")
    return {
        name: _verdict(found, float(p), rate, len(findings))
        for (name, found), p in zip(findings.items(), adjusted, strict=True)
    }


def _verdict(found: ClassFinding, adjusted: float, rate: float, n_classes: int) -> ClassVerdict:
    against = list(found.objections)
    if not against and adjusted > rate:
        against = [
            f"not surely cheaper: {found.difference or 0.0:+.4g} a home-day, adjusted p-value {adjusted:.2g} over "
            f"{n_classes} classes, at most {rate:g} is needed"
        ]
    chosen = against or [
        f"cheaper by {-(found.difference or 0.0):.4g} a home-day over {found.n_homes} homes and {found.n_days} days, "
        f"adjusted p-value {adjusted:.2g} over {n_classes} classes"
    ]
    return ClassVerdict(not against, found, adjusted, rate, n_classes, tuple(chosen))


def _paired(costs: ClassCosts) -> Energy:
    """Return differences `(n_homes, n_days)`, nan where neither was replayed; negative where the challenger is cheaper.

    Raises:
        UnpairedCostsError: shapes or home-days differ.
    """
    if costs.champion.shape != costs.challenger.shape or costs.champion.ndim != 2:  # noqa: PLR2004 - homes x days
        message = f"costs of {costs.champion.shape} home-days and of {costs.challenger.shape} do not pair"
        raise UnpairedCostsError(message)
    alone = int((np.isfinite(costs.champion) != np.isfinite(costs.challenger)).sum())
    if alone:
        message = f"{alone} home-days have a cost by one of both policies only"
        raise UnpairedCostsError(message)
    return costs.challenger - costs.champion


def _standard_error(centred: Energy, known: Energy) -> tuple[float, int]:
    """Return the standard error of the mean over home-days, and its degrees of freedom.

    Args:
        centred: differences less their mean, 0 where there is none `(n_homes, n_days)`.
        known: whether there is one.
    """
    n, (n_homes, n_days) = int(known.sum()), centred.shape
    long_run, cosines = cosine_variance(centred.sum(axis=0))
    by_day = long_run * n_days / n**2
    by_home = float((centred.sum(axis=1) ** 2).sum()) / n**2 * n_homes / (n_homes - 1)
    both = by_day + by_home - float((centred**2).sum()) / n**2
    return float(np.sqrt(max(by_day, by_home, both))), min(cosines, n_homes - 1)


def _doubled_tail(mean: float, error: float, degrees: int) -> float:
    """Return twice the one-sided p-value of a mean that is not below 0, 1 at most."""
    if error == 0:
        return 0.0 if mean < 0 else 1.0
    return min(1.0, 2 * float(stdtr(degrees, mean / error)))
