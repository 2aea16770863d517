"""Evidence for or against a challenger: replays of unseen days beside the champion."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from darkstar_pipeline.context import Context
from darkstar_pipeline.learning.scoring import daily_costs, policy_metrics, score_on_days
from darkstar_pipeline.learning.splits import Windows
from darkstar_pipeline.policies.trained import TrainedPolicy, trained_policy
from env.inverter import Energy
from planner.errors import PolicyMismatchError
from planner.evaluation import promotion_test
from planner.evaluation.verdict import Evaluation
from planner.policy_names import FALLBACK


@dataclass(frozen=True)
class GateResult:
    """Result of the gate.

    Attributes:
        document: evidence as stored with the version; its `promote` decides.
        figures: metrics of the challenger on the test days, by plain name.
        verdict: verdict on the test days, with the references and the champion.
    """

    document: dict[str, Any]
    figures: dict[str, float]
    verdict: Evaluation

    @property
    def promote(self) -> bool:
        """Return whether the challenger may come into use."""
        return self.document["promote"] is True


def evaluate_challenger(
    context: Context, challenger: TrainedPolicy, windows: Windows, *, saved_on_validation: float
) -> GateResult:
    """Test a challenger on the test days against the policy in use.

    Against a champion the statistical gate decides (`planner.evaluation.promotion_test`), the last of the test days
    being its shadow period. The first version of a site replaces `value` where it saved money on validation days and
    costs no more on the test days: `value` is where it started from, so that nothing is lost by it. So does one whose
    predecessor does not fit the site any more, such as after a new tariff. Where power is charged, every cost is with
    what its day adds to the month's charge, and no version is promoted whose bill of the test days is above `value`'s:
    a policy that does not see the charge is refused by it.

    Args:
        context: the site.
        challenger: challenger, named as its version.
        windows: windows with test days.
        saved_on_validation: its saving on the validation days against `value` [money].
    """
    champion = _champion(context)
    both = [challenger] if champion is None else [challenger, champion]
    verdict = score_on_days(context, both, windows.test)
    document = gate_document(
        verdict,
        challenger.name,
        None if champion is None else champion.name,
        saved_on_validation=saved_on_validation,
        shadow_days=context.site_settings.learning.shadow_days,
    )
    document["against"] = FALLBACK if champion is None else f"version {champion.version}"
    return GateResult(document=document, figures=policy_metrics(verdict, challenger.name), verdict=verdict)


def gate_document(
    verdict: Evaluation, challenger: str, champion: str | None, *, saved_on_validation: float, shadow_days: int
) -> dict[str, Any]:
    """Return the evidence on a challenger; its `promote` decides.

    Args:
        verdict: on the test days, with `value`, the challenger and the champion.
        challenger: name of the challenger in it.
        champion: name of the policy in use in it; None where that is `value`.
        saved_on_validation: the challenger's saving on the validation days against `value` [money].
        shadow_days: length of the shadow period at the end of the test days [d].
    """
    own = daily_costs(verdict, challenger)
    other = daily_costs(verdict, FALLBACK if champion is None else champion)
    shadow_days = min(shadow_days, len(own) // 4)
    split = len(own) - shadow_days
    costs: tuple[Energy, Energy] = (other["cost"].to_numpy(), own["cost"].to_numpy())
    breaches = own["breaches"].to_numpy()
    shadow = (
        promotion_test.Shadow(costs[0][split:], costs[1][split:], int(breaches[split:].sum())) if shadow_days else None
    )
    assessment = promotion_test.assess_challenger(
        costs[0][:split], costs[1][:split], breaches=int(breaches[:split].sum()), shadow=shadow
    )
    document = assessment.document()
    if champion is None:
        document |= _first_version_verdict(costs, int(breaches.sum()), saved_on_validation)
    elif verdict.months.height:
        document |= _bill_verdict(verdict, challenger, document)
    return document


def _champion(context: Context) -> TrainedPolicy | None:
    """Return the policy in use; None if none fits the site as it is now, such as after a new tariff."""
    try:
        return trained_policy(context, "champion")
    except PolicyMismatchError:
        return None


def _bill_verdict(verdict: Evaluation, challenger: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the gate's verdict with the objection, if there is one, that the bill is above that of `value`."""
    bills = {row["policy"]: row["total_cost"] for row in verdict.totals.to_dicts()}
    above = bills[challenger] - bills[FALLBACK]
    if above <= 0:
        return {}
    objection = f"its bill of the test days is {above:.2f} above that of {FALLBACK}, the demand charge included"
    return {"promote": False, "reasons": [objection, *([] if document["promote"] else document["reasons"])]}


def _first_version_verdict(costs: tuple[Energy, Energy], breaches: int, saved: float) -> dict[str, Any]:
    """Return whether the first version of a site replaces `value`, and the reasons."""
    difference = float(np.mean(costs[1] - costs[0]))
    objections: list[str] = []
    if breaches:
        objections.append(f"{breaches} limits exceeded on the test days")
    if saved <= 0:
        objections.append(f"saved nothing against value on the validation days ({saved:+.2f})")
    if difference > 0:
        objections.append(f"dearer than value on the test days by {difference:.4f} a day")
    reasons = objections or [
        f"first version of the site: saved {saved:.2f} against value on the validation days, "
        f"and {-difference:.4f} a day on {len(costs[0])} test days"
    ]
    return {"promote": not objections, "reasons": reasons, "saved_on_validation": saved}
