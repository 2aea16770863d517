"""Trained policies by the names people use, ready to be replayed: `lightgbm`, `rl`, `champion`, `models:/NAME/VERSION`.

A policy may carry an Aurora of its own in its bundle, for scenarios of days after those it learned from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from darkstar_pipeline.aurora.inputs import aurora_home
from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.models.bundles import stored_bundle
from darkstar_pipeline.models.names import model_folder, parse_reference, registered_name
from darkstar_pipeline.models.pointer import load_champion
from darkstar_pipeline.versions import tariff_version
from planner.bundle import Bundle, read_bundle
from planner.embedded_aurora import embedded_aurora, told_scenarios
from planner.errors import PolicyMismatchError
from planner.learned_policy import LearnedPolicy, learned_policy
from planner.value_function import Scenarios


@dataclass(frozen=True, kw_only=True)
class TrainedPolicy:
    """A trained policy of a site.

    Attributes:
        name: what it was asked for as.
        version: of the registered model; None where it is not known.
        bundle: its files.
        policy: what decides.
        learned_until: last local day it learned from or was chosen on; None where it does not say.
    """

    name: str
    version: int | None
    bundle: Bundle
    policy: LearnedPolicy
    learned_until: date | None

    def told(self, context: Context, days: Sequence[date]) -> Mapping[date, Scenarios]:
        """Scenarios that its own Aurora tells of days after those it learned from; none where it has none."""
        aurora = embedded_aurora(self.bundle)
        if aurora is None:
            return {}
        learned = aurora.learned
        asked = [day for day in days if day > learned.last_day]
        if not asked:
            return {}
        home = aurora_home(context, learned.first_day, max(asked), panels=aurora.panels, country=learned.country)
        return told_scenarios(aurora.model, home, asked, context.timezone)


def trained_policy(context: Context, name: str) -> TrainedPolicy | None:
    """The policy of a name.

    Args:
        context: the site.
        name: `champion`, `rl` or `lightgbm` (the newest version of that kind), or `models:/NAME/VERSION`.

    Returns:
        The policy; None for `champion` where no version is in use, so that `value` decides.

    Raises:
        DataMissingError: there is no such version.
        ConfigurationError: the reference is written otherwise, or the pointer is damaged.
        PolicyMismatchError: the bundle is damaged or made for something else; says what.
    """
    if name == "champion":
        champion = load_champion(context)
        return None if champion is None else opened(name, champion.bundle, champion.pointer.version)
    if name in ("rl", "lightgbm"):
        version = newest_version(context, name)
        folder = _versions(context)[version]
    else:
        model, version = parse_reference(name)
        folder = stored_bundle(context, model, version)
    return opened(name, read_bundle(folder, tariff=tariff_version(context)), version)


def opened(name: str, bundle: Bundle, version: int | None = None) -> TrainedPolicy:
    """A bundle as a policy.

    Raises:
        PolicyMismatchError: it is no policy, or one that this version cannot run.
    """
    until = bundle.manifest.details.get("learned_until")
    return TrainedPolicy(
        name=name,
        version=version,
        bundle=bundle,
        policy=learned_policy(bundle),
        learned_until=None if until is None else date.fromisoformat(until),
    )


def newest_version(context: Context, kind: str) -> int:
    """The newest version of a kind of policy whose bundle is in the state folder.

    Raises:
        DataMissingError: there is none.
    """
    for version, folder in sorted(_versions(context).items(), reverse=True):
        try:
            if read_bundle(folder).manifest.kind == kind:
                return version
        except PolicyMismatchError:
            continue  # a damaged version is not the newest that can run
    message = f"site {context.site_name} has no trained policy of kind {kind}"
    raise DataMissingError(message, f"run `darkstar train {kind}`")


def _versions(context: Context) -> dict[int, Path]:
    """Folders of the versions that are in the state folder."""
    folder = model_folder(context, registered_name(context.site_name))
    found = folder.glob("v*") if folder.is_dir() else ()
    return {int(path.name[1:]): path for path in found if path.name[1:].isdigit()}
