"""A pooled policy as one home runs it: two numbers a home say how much of it the home takes.

They were fitted on the home's own days and drawn towards its class (`planner.training.adaptation`), and lie in the
policy's bundle: whatever changes a policy goes into its bundle. A home that is not among them takes what is usual.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from env.gym.states import State
from planner.artifacts.bundle import Bundle
from planner.errors import PolicyMismatchError
from planner.policies.learned_policy import LearnedPolicy
from planner.value.scenario_weights import NAIVE, WeightRules

HOMES_FILE = "homes.parquet"
USUAL = "usual_home"
_SCHEMA = pl.Schema({"site": pl.String(), "follows": pl.Boolean(), "share": pl.Float64()})


@dataclass(frozen=True, kw_only=True)
class Adaptation:
    """Part of a pooled policy that a home takes.

    Attributes:
        follows: whether it weighs scenarios by the policy's rules; else as `value` does.
        share: share of the policy's corrections, 0 to 1; 0 where it does not follow.
    """

    follows: bool
    share: float

    @property
    def is_value(self) -> bool:
        """Return whether nothing is taken, so that the home plans as `value` does, to the bit."""
        return not self.follows and self.share == 0


AS_VALUE = Adaptation(follows=False, share=0.0)
WHOLE = Adaptation(follows=True, share=1.0)


class AdaptedPolicy:
    """A pooled policy with what a home takes of it.

    Args:
        policy: the pooled policy.
        adaptation: of the home.
    """

    def __init__(self, policy: LearnedPolicy, adaptation: Adaptation) -> None:
        self._policy, self.adaptation = policy, adaptation
        self.manifest, self.setup = policy.manifest, policy.setup
        self.weight_rules: WeightRules = policy.weight_rules if adaptation.follows else NAIVE

    def predict(self, state: State) -> NDArray[Any]:
        """Return the actions of states `(n_homes, n_columns)`, in the setup's form."""
        if self.adaptation.share == 0:
            return np.zeros((*state.shape[:-1], 1), dtype=np.float32)
        return np.float32(self.adaptation.share) * self._policy.predict(state)


class AdaptedHomes:
    """A pooled policy for several homes at once, each with the share of its corrections that it takes.

    Args:
        policy: the pooled policy.
        adaptations: of each home, in the order of the states; all of them follow its rules, or none does.
    """

    def __init__(self, policy: LearnedPolicy, adaptations: Sequence[Adaptation]) -> None:
        self._policy = policy
        self._shares = np.array([[each.share] for each in adaptations], dtype=np.float32)
        self.manifest, self.setup = policy.manifest, policy.setup
        self.weight_rules: WeightRules = policy.weight_rules if adaptations[0].follows else NAIVE

    def predict(self, state: State) -> NDArray[Any]:
        """Return the actions of states `(n_homes, n_columns)`, a row a home, in the setup's form."""
        return self._shares * self._policy.predict(state) if self._shares.any() else np.zeros_like(self._shares)


def as_taken(policy: LearnedPolicy, bundle: Bundle, site: str | None) -> LearnedPolicy:
    """Return a bundle's policy as far as a home takes it; one that is not pooled, or of no home, as it is.

    Raises:
        PolicyMismatchError: what homes take cannot be read.
    """
    homes = None if site is None else adaptations_of(bundle)
    return policy if homes is None or site is None else AdaptedPolicy(policy, homes.of(site))


def adapted_bundle_parts(
    details: Mapping[str, Any], usual: Adaptation, homes: Mapping[str, Adaptation]
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return a pooled policy's details and its further file, with what each home takes.

    Args:
        details: of the policy's manifest.
        usual: what homes take that are not named.
        homes: what homes take, by name.
    """
    rows = [{"site": site, "follows": each.follows, "share": each.share} for site, each in sorted(homes.items())]
    file = io.BytesIO()
    pl.DataFrame(rows, schema=_SCHEMA).write_parquet(file, compression="zstd")
    return {**details, USUAL: vars(usual)}, {HOMES_FILE: file.getvalue()}


def adaptations_of(bundle: Bundle) -> "Adaptations | None":
    """Return what homes take of a bundle's policy; None where it is no pooled one.

    Raises:
        PolicyMismatchError: it cannot be read.
    """
    if USUAL not in bundle.manifest.details:
        return None
    try:
        rows = pl.read_parquet(bundle.files[HOMES_FILE]).select(_SCHEMA.names()).sort("site")
        return Adaptations(Adaptation(**bundle.manifest.details[USUAL]), rows)
    except (KeyError, TypeError, pl.exceptions.PolarsError) as error:
        message = f"what homes take of the pooled policy cannot be read: {type(error).__name__}: {error}"
        raise PolicyMismatchError(message) from error


@dataclass(frozen=True)
class Adaptations:
    """Parts of a pooled policy that the homes of its class take.

    Attributes:
        usual: what homes take that are not named.
        rows: `site, follows, share`, sorted by site.
    """

    usual: Adaptation
    rows: pl.DataFrame

    def of(self, site: str) -> Adaptation:
        """Return what a home takes."""
        place = self.rows["site"].search_sorted(site)
        if place >= self.rows.height or self.rows["site"][place] != site:
            return self.usual
        return replace(self.usual, follows=self.rows["follows"][place], share=self.rows["share"][place])
