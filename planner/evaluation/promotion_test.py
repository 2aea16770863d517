"""The promotion test: is a challenger cheaper than the champion, on days that both were replayed on?

The daily differences are few, lean to one side, and resemble their neighbours, so that a plain t-test promotes up to a
third of the challengers that are no better. The test therefore

- takes the variance of the mean from the differences' projections on the first few cosines, which resemblance of
  neighbouring days does not fool, with Student's t on as many degrees of freedom as there are cosines: Lazarus, Lewis,
  Stock & Watson (2018), "HAR inference: recommendations for practice", with their number of cosines, 0.41 n^(2/3);
- moves the mean by Johnson (1978), "Modified t tests and confidence intervals for asymmetrical populations", where rare
  dear days are to be expected that the test days happen to lack, and never the other way;
- uses the quantile of 97.5 %, so that a bound called 95 % is one on days like these.

Challengers that differ from the champion by noise alone are promoted in so many of 100 trials (3000 trials each,
`tests/planner/evaluation/test_promotion_test.py` repeats a part; the share of the day before that a day repeats stands
in front):

    noise                                   14 days   28 days   60 days   120 days   plain t-test
    normal, 0 | 0.3 | 0.5                   2-3       2-3       3         3-4        5 | 11-13 | 17-18
    normal, 0.7                             5         4         4         3          25
    Student's t, 3 or 2.1 degrees, 0-0.5    2-4       2-3       2-3       2-3        4-19
    exponential, dear days rare, 0-0.5      4         3         2-3       3          8-24
    log-normal, dear days rarer, 0-0.5      5-7       4-5       3-4       3-4        10-30
    log-normal, 0.7                         10        8         6         4          29-38

Power: of 100 challengers that are 2 % cheaper, so many are promoted, by the scatter of the daily differences in parts
of a day's cost:

    noise              28 days: 2 %  3 %  4 %      60 days: 2 %  3 %  4 %  6 %      120 days: 4 %  6 %
    normal, 0                   95   72   50                100  98   86   55                 100  89
    normal, 0.3                 77   47   30                100  86   65   35                 95   68
    Student's t, 3, 0.3         69   45   29                91   77   61   35                 88   61
    exponential, 0              60   42   30                93   76   59   37                 95   77

What does not belong here: the replay, and the move of the champion (`darkstar_pipeline.models`).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtrit

from env.inverter import Energy
from planner.errors import UnpairedCostsError

LEAST_DAYS = 14
LEAST_COSINES = 3
COSINES = 0.41  # times n^(2/3)
CONFIDENCE = 0.95
QUANTILE = 0.975  # of the t distribution, see above
METHOD = "paired days, cosine long-run variance (Lazarus et al. 2018), Johnson's skewness correction, t quantile 97.5 %"
_FARTHEST = 2.0  # widths of the bound that Johnson's expansion is used for
_LEAST_SAVING = 1e-6  # of the champion's cost: below it, two policies are the same to a rounding


@dataclass(frozen=True)
class Verdict:
    """The result of the promotion test.

    Attributes:
        promote: whether the challenger may become champion.
        difference: mean daily cost of the challenger less the champion's [money/day]; None without days.
        bound: one-sided 95 % upper bound of that difference [money/day]; None where there are too few days.
        relative: the difference as a share of the champion's mean daily cost; None where that is not positive.
        n_days: test days.
        breaches: limits exceeded by the challenger on test and shadow days.
        shadow_days: days of the shadow period.
        shadow_difference: mean daily difference then [money/day]; None without shadow days.
        reasons: what speaks for or against, in words; never empty.
    """

    promote: bool
    difference: float | None
    bound: float | None
    relative: float | None
    n_days: int
    breaches: int
    shadow_days: int
    shadow_difference: float | None
    reasons: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """The evidence as plain values, for tags and tables."""
        return {
            "promote": self.promote,
            "difference_per_day": self.difference,
            "bound_per_day": self.bound,
            "relative": self.relative,
            "confidence": CONFIDENCE,
            "method": METHOD,
            "days": self.n_days,
            "breaches": self.breaches,
            "shadow_days": self.shadow_days,
            "shadow_difference_per_day": self.shadow_difference,
            "reasons": list(self.reasons),
        }


@dataclass(frozen=True)
class Shadow:
    """Days on which the challenger was replayed beside the champion without being in use.

    Attributes:
        champion: cost of each day `(n,)` [money].
        challenger: the same `(n,)` [money].
        breaches: slots in which the challenger exceeded a limit.
    """

    champion: Energy
    challenger: Energy
    breaches: int = 0


def assess_challenger(
    champion: Energy, challenger: Energy, *, breaches: int, shadow: Shadow | None = None, least_days: int = LEAST_DAYS
) -> Verdict:
    """Test a challenger against the champion.

    A shadow period is survived where the challenger breached nothing in it and was not significantly dearer; it need
    not be significantly cheaper again.

    Args:
        champion: cost of each test day `(n,)`, in the order of the days [money].
        challenger: the same days `(n,)` [money].
        breaches: slots in which the challenger exceeded a limit on the test days.
        shadow: the shadow period; None where there was none.
        least_days: fewer test days prove nothing.

    Raises:
        UnpairedCostsError: the days are not paired, or a cost is no number.
    """
    daily = _paired(champion, challenger)
    shadowed = None if shadow is None else _paired(shadow.champion, shadow.challenger)
    n, all_breaches = len(daily), breaches + (0 if shadow is None else shadow.breaches)
    difference = float(daily.mean()) if n else None
    bound = upper_bound(daily) if n >= max(least_days, LEAST_COSINES + 1) else None
    against = [
        *_too_few(n, least_days),
        *_breached(all_breaches),
        *_not_cheaper(daily, bound, float(np.abs(champion).mean()) if n else 0.0),
        *_failed_in_shadow(shadowed),
    ]
    cost = float(champion.mean()) if n else 0.0
    relative = difference / cost if difference is not None and cost > 0 else None
    return Verdict(
        promote=not against,
        difference=difference,
        bound=bound,
        relative=relative,
        n_days=n,
        breaches=all_breaches,
        shadow_days=0 if shadowed is None else len(shadowed),
        shadow_difference=None if shadowed is None or not len(shadowed) else float(shadowed.mean()),
        reasons=tuple(against or [f"cheaper by {-(difference or 0):.4g} a day, at least {-(bound or 0):.4g} (95 %)"]),
    )


def upper_bound(daily: Energy) -> float:
    """One-sided 95 % upper bound of the mean of daily differences `(n,)`, in the order of the days.

    Args:
        daily: at least `LEAST_COSINES + 1` of them [money].
    """
    n = len(daily)
    mean, centred = float(daily.mean()), daily - daily.mean()
    long_run, cosines = cosine_variance(centred)
    quantile = float(stdtrit(cosines, QUANTILE))
    width = quantile * float(np.sqrt(long_run / n))
    return mean + towards_dear_days(centred, mean, width) + width


def cosine_variance(centred: Energy) -> tuple[float, int]:
    """Return the long-run variance of days `(n,)` less their mean, in their order, and its degrees of freedom."""
    n = len(centred)
    cosines = max(LEAST_COSINES, round(COSINES * n ** (2 / 3)))
    middles, orders = (np.arange(n) + 0.5) / n, np.arange(1, cosines + 1)[:, None]
    waves: Energy = np.sqrt(2 / n) * np.cos(np.pi * orders * middles)
    projections: Energy = waves @ centred
    return float(np.mean(projections**2)), cosines


def towards_dear_days(centred: Energy, mean: float, width: float) -> float:
    """Return the shift of the mean for rare expensive days, of which few days show too few (Johnson 1978) [money].

    Johnson's expansion holds near the mean only: without a cap on the distance from it to nothing gained it blocked
    some challengers that were 2 % cheaper on every single day.

    Args:
        centred: the days less their mean `(n,)` [money].
        mean: their mean [money].
        width: of the bound [money].
    """
    distance = min(abs(mean), _FARTHEST * width)
    n = len(centred)
    variance, third = float(np.sum(centred**2)) / (n - 1), float(np.mean(centred**3))
    if third <= 0 or variance == 0:
        return 0.0
    return third / (6 * variance * n) + third * distance**2 / (3 * variance**2)


def _paired(champion: Energy, challenger: Energy) -> Energy:
    """Daily differences `(n,)`; negative where the challenger is cheaper [money]."""
    if champion.shape != challenger.shape or champion.ndim != 1:
        message = f"costs of {champion.shape} days of the champion and {challenger.shape} of the challenger do not pair"
        raise UnpairedCostsError(message)
    daily = challenger - champion
    if not np.all(np.isfinite(daily)):
        message = f"{int((~np.isfinite(daily)).sum())} of {len(daily)} days have a cost that is no number"
        raise UnpairedCostsError(message)
    return daily


def _too_few(n: int, least: int) -> list[str]:
    return [f"too few test days: {n}, at least {least} are needed"] if n < least else []


def _breached(breaches: int) -> list[str]:
    return [f"limits were exceeded in {breaches} slots"] if breaches else []


def _not_cheaper(daily: Energy, bound: float | None, scale: float) -> list[str]:
    """Return why the costs do not speak for the challenger; `scale` is the size of a day's cost [money]."""
    if bound is None:
        return []
    if float(daily.mean()) >= -_LEAST_SAVING * scale:
        if np.allclose(daily, 0, rtol=0, atol=_LEAST_SAVING * scale):
            return ["costs the same on every day"]
        return [f"not cheaper: {daily.mean():+.4g} a day"]
    if bound >= 0:
        return [f"cheaper by {-daily.mean():.4g} a day, but it may as well be dearer by {bound:.4g} (95 %)"]
    return []


def _failed_in_shadow(daily: Energy | None) -> list[str]:
    """Return why the shadow period was failed."""
    if daily is None or len(daily) == 0 or float(daily.mean()) <= 0:
        return []
    if len(daily) <= LEAST_COSINES:
        return [f"dearer in the shadow period: {daily.mean():+.4g} a day"]
    if -upper_bound(-daily) > 0:
        return [f"surely dearer in the shadow period: {daily.mean():+.4g} a day over {len(daily)} days"]
    return []
