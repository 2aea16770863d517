"""Two numbers a home, fitted on its own days and drawn towards its class: what it takes of a pooled policy.

A home's days are few, so that its own mean saving is mostly luck. It is drawn towards the class's mean by as much as
the homes differ less than their days scatter (empirical Bayes; DerSimonian & Laird 1986, "Meta-analysis in clinical
trials"): where homes are alike, all take what suits the class; where one really differs, it takes what suits it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from env.inverter import Energy
from planner.policies.adapted_policy import AS_VALUE, Adaptation

SHARES = (0.5, 1.0)
"""Shares of the corrections that are tried, besides none."""
LEAST_DAYS = 5
"""Days below which a home's own mean says nothing."""


@dataclass(frozen=True, kw_only=True)
class HomeSavings:
    """Savings of a home by a pooled policy, in parts of what its mean day costs.

    Attributes:
        rules: saving of each day by the policy's rules of scenario weights, against `value` `(n_days,)`.
        shares: saving of each day by a share of the corrections on top of the rules, by share `(n_validation_days,)`;
            on days that the policy did not learn from.
    """

    rules: Energy
    shares: Mapping[float, Energy]


def fit_adaptations(homes: Mapping[str, HomeSavings]) -> tuple[Adaptation, dict[str, Adaptation]]:
    """Return what the class takes, for homes that are not known, and what each home takes."""
    names = list(homes)
    rules_mean, rules = _drawn([homes[name].rules for name in names])
    gains = {share: _drawn([homes[name].shares[share] for name in names]) for share in SHARES}
    usual = _chosen(rules_mean, {share: mean for share, (mean, _) in gains.items()})
    own = {
        name: _chosen(rules[place], {share: drawn[place] for share, (_, drawn) in gains.items()})
        for place, name in enumerate(names)
    }
    return usual, own


def _chosen(rules: float, shares: Mapping[float, float]) -> Adaptation:
    """Return what saves most, given what each choice is expected to save."""
    share = max(shares, key=lambda each: shares[each])
    gain = max(shares[share], 0.0)
    if rules + gain <= 0:
        return AS_VALUE
    return Adaptation(follows=True, share=share if gain > 0 else 0.0)


def _drawn(days: Sequence[Energy]) -> tuple[float, list[float]]:
    """Return the mean saving of the class, and each home's drawn towards it.

    Args:
        days: savings of each home's days.
    """
    known = [each for each in days if len(each) >= LEAST_DAYS]
    if not known:
        return 0.0, [0.0] * len(days)
    means = np.array([each.mean() for each in known])
    errors = np.array([max(float(each.var(ddof=1)) / len(each), 1e-18) for each in known])
    between = _between(means, errors)
    weights = 1 / (errors + between)
    mean = float((weights * means).sum() / weights.sum())
    drawn = iter((mean + between / (between + errors) * (means - mean)).tolist())
    return mean, [next(drawn) if len(each) >= LEAST_DAYS else mean for each in days]


def _between(means: Energy, errors: Energy) -> float:
    """Return the variance of the homes' true savings around their mean, by the method of moments."""
    weights = 1 / errors
    spread = float((weights * (means - (weights * means).sum() / weights.sum()) ** 2).sum())
    freedom = float(weights.sum() - (weights**2).sum() / weights.sum())
    return max((spread - (len(means) - 1)) / freedom, 0.0) if freedom > 0 else 0.0
