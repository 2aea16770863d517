"""Trained policies by the names people use, ready to be replayed: `lightgbm`, `rl`, `champion`, `models:/NAME/VERSION`.

A policy may carry an Aurora of its own in its bundle, for scenarios of days after those it learned from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from darkstar_pipeline.config.fingerprints import tariff_version
from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.replay_inputs import ReplayInputs
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.forecasts.inputs import aurora_home
from darkstar_pipeline.forecasts.replay_forecasts import forecast_replay_inputs
from darkstar_pipeline.models.champion_pointer import load_champion
from darkstar_pipeline.models.registry import stored_bundle
from darkstar_pipeline.models.version import RegisteredModel, parse_reference
from planner.artifacts.bundle import Bundle, read_bundle
from planner.errors import PolicyMismatchError
from planner.forecasts.aurora import aurora_scenarios
from planner.forecasts.embedded_aurora import N_SCENARIOS, embedded_aurora
from planner.policies.adapted_policy import as_taken
from planner.policies.learned_policy import LearnedPolicy, learned_policy
from planner.policy_names import GATED
from planner.value.scenarios import Scenarios


@dataclass(frozen=True, kw_only=True)
class TrainedPolicy:
    """A trained policy of a site.

    Attributes:
        name: requested name.
        version: version of the registered model; None if unknown.
        bundle: its files.
        policy: the policy itself.
        learned_since: first local day it learned from; None where it does not say.
        learned_until: last local day it learned from or was chosen on; None where it does not say.
    """

    name: str
    version: int | None
    bundle: Bundle
    policy: LearnedPolicy
    learned_since: date | None
    learned_until: date | None

    def has_seen(self, day: date) -> bool:
        """Return whether a local day is among the days of training or validation."""
        since, until = self.learned_since, self.learned_until
        return until is not None and day <= until and (since is None or since <= day)

    def inputs(self, context: Context, days: Sequence[date]) -> ReplayInputs:
        """Return the inputs of its replay on graded days, with as many days of history as its scenarios weigh."""
        return forecast_replay_inputs(context, days, lookback_days=self.policy.weight_rules.n_days)

    def own_scenarios(self, context: Context, days: Sequence[date]) -> Mapping[date, Scenarios]:
        """Return scenarios by its own Aurora of days after those it learned from; none without an Aurora."""
        aurora = embedded_aurora(self.bundle)
        if aurora is None:
            return {}
        learned = aurora.summary
        later_days = [day for day in days if day > learned.last_day]
        if not later_days:
            return {}
        home = aurora_home(context, learned.first_day, max(later_days), panels=aurora.panels, country=learned.country)
        return aurora_scenarios(aurora.model, home, later_days, context.timezone, n_scenarios=N_SCENARIOS)


def trained_policy(context: Context, name: str) -> TrainedPolicy | None:
    """Return the policy of a name.

    Args:
        context: the site.
        name: `champion`, `rl` or `lightgbm` (the newest version of that kind), or `models:/NAME/VERSION`; with `+gate`
            behind it the price gate stands between policy and inverter.

    Returns:
        The policy; None for `champion` where no version is in use, so that `value` decides.

    Raises:
        DataMissingError: there is no such version.
        ConfigurationError: the reference is written otherwise, or the pointer is damaged.
        PolicyMismatchError: the bundle is damaged or made for something else.
    """
    plain = name.removesuffix(GATED)
    if plain == "champion":
        found = _champion(context)
        if found is None and name != plain:
            raise DataMissingError("no version is in use, and `value` has no gate", "name the policy without +gate")
        return None if found is None else opened(name, *found, site=context.site_name)
    if plain in ("rl", "lightgbm"):
        version = newest_version(context, plain)
        folder = RegisteredModel.of(context).version_folder(version)
    else:
        model, version = parse_reference(plain)
        folder = stored_bundle(context, model, version)
    bundle = read_bundle(folder, tariff=tariff_version(context.site_settings))
    return opened(name, bundle, version, site=context.site_name)


def _champion(context: Context) -> tuple[Bundle, int] | None:
    """Return the bundle and the version in use: the site's own, or else, for a home of a fleet, that of its class."""
    champion = load_champion(context)
    if champion is not None:
        return champion.bundle, champion.pointer.version
    if context.settings.fleet is None:
        return None
    from darkstar_pipeline.models.fleet.home_version import home_version

    found = home_version(context)
    return None if found is None else (found[1], found[0].ref.version)


def opened(name: str, bundle: Bundle, version: int | None = None, *, site: str | None = None) -> TrainedPolicy:
    """Return a bundle as a policy.

    Args:
        name: the requested name; with `+gate` behind it the price gate stands between policy and inverter.
        bundle: its files.
        version: version of the registered model; None if unknown.
        site: the home that runs it, which takes of a pooled policy what was fitted for it; None takes it whole.

    Raises:
        PolicyMismatchError: it is no policy, or one that this version cannot run.
    """
    learned, until = (bundle.manifest.details.get(name) for name in ("learned_from", "learned_until"))
    return TrainedPolicy(
        name=name,
        version=version,
        bundle=bundle,
        policy=as_taken(learned_policy(bundle, gated=name.endswith(GATED)), bundle, site),
        learned_since=None if learned is None else date.fromisoformat(learned[0]),
        learned_until=None if until is None else date.fromisoformat(until),
    )


def newest_version(context: Context, kind: str) -> int:
    """Return the newest version of a kind of policy whose bundle is in the state folder.

    Raises:
        DataMissingError: there is none.
    """
    for version, folder in reversed(RegisteredModel.of(context).versions().items()):
        try:
            if read_bundle(folder).manifest.kind == kind:
                return version
        except PolicyMismatchError:
            continue  # a damaged version is not the newest that can run
    message = f"site {context.site_name} has no trained policy of kind {kind}"
    raise DataMissingError(message, f"run `darkstar train {kind}`")
