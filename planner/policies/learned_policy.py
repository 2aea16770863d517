"""The interface of learned policies: a state in, an action out, and the rules behind the state."""

from typing import Any, Protocol

from numpy.typing import NDArray

from env.gym.home_batch import Setup
from env.gym.states import State
from planner.artifacts.bundle import Bundle, Manifest
from planner.errors import PolicyMismatchError
from planner.value.scenario_weights import WeightRules


class LearnedPolicy(Protocol):
    """A learned policy.

    Attributes:
        manifest: manifest of its bundle.
        setup: form of its actions.
        weight_rules: scenario weights behind the outlook that it observes.
    """

    manifest: Manifest
    setup: Setup
    weight_rules: WeightRules

    def predict(self, state: State) -> NDArray[Any]:
        """Return the actions of states `(n_homes, n_columns)`, in the setup's form."""
        ...


def learned_policy(bundle: Bundle, *, gated: bool = False) -> LearnedPolicy:
    """Return the policy of a bundle of any kind.

    Args:
        bundle: bundle of a policy.
        gated: whether the price gate stands between the policy and the inverter.

    Raises:
        PolicyMismatchError: the bundle is no policy, or one that this version cannot run.
    """
    if bundle.manifest.kind == "rl":
        from planner.policies.rl_policy import rl_policy

        return rl_policy(bundle, gated=gated)
    if bundle.manifest.kind == "lightgbm":
        from planner.policies.lightgbm_policy import lightgbm_policy

        return lightgbm_policy(bundle, gated=gated)
    if bundle.manifest.kind == "regressors":
        from planner.policies.imitation_policy import antares_regressors

        return antares_regressors(bundle, gated=gated)
    message = f"a bundle of kind {bundle.manifest.kind} is no policy"
    raise PolicyMismatchError(message)
