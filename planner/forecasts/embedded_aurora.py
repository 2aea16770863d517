"""An Aurora inside a policy's bundle, so that the policy sees the same scenarios wherever it goes.

Its files stand among the policy's, under names that begin with `aurora.`; its manifest among the details.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from planner.artifacts.bundle import Bundle, Manifest
from planner.forecasts.aurora import RECENT_DAYS, aurora_scenarios, is_complete
from planner.forecasts.aurora_bundle import KIND, LoadedAurora, load_aurora
from planner.forecasts.aurora_model import AuroraModel
from planner.forecasts.features import AuroraHome
from planner.value.scenarios import Scenarios

PREFIX = "aurora."
DETAIL = "aurora"
N_SCENARIOS = 16  # paths a day: 10, 20 and 40 came out within 0.04 points of each other (train weeks)


def with_aurora(manifest: Manifest, aurora: Bundle) -> tuple[Manifest, dict[str, bytes]]:
    """Return a policy's manifest with an Aurora in it, and the files to add to the policy's."""
    detail = aurora.manifest.model_dump(mode="json", exclude={"files"})
    files = {f"{PREFIX}{name}": content for name, content in aurora.files.items()}
    return manifest.model_copy(update={"details": {**manifest.details, DETAIL: detail}}), files


def embedded_aurora(bundle: Bundle) -> LoadedAurora | None:
    """Return the Aurora of a policy's bundle; None if it has none.

    Raises:
        PolicyMismatchError: the Aurora is damaged, or of another version.
    """
    detail: dict[str, Any] | None = bundle.manifest.details.get(DETAIL)
    if detail is None:
        return None
    files = {name.removeprefix(PREFIX): content for name, content in bundle.files.items() if name.startswith(PREFIX)}
    return load_aurora(Bundle(Manifest.model_validate({**detail, "kind": KIND}), files, bundle.identity))


def forecast_scenarios(
    model: AuroraModel, home: AuroraHome, days: Sequence[date], timezone: str, *, n_scenarios: int = N_SCENARIOS
) -> dict[date, Scenarios]:
    """Return Aurora's scenarios of days: its expectation with the errors of similar days.

    Days without complete features are left out.

    Args:
        model: model of the home.
        home: home with readings up to the midnights.
        days: local days after those that the model was fitted on.
        timezone: time zone of the site.
        n_scenarios: number of paths a day.

    Returns:
        The paths of each day `(1, n_scenarios, n_slots)`; fewer if the model was fitted on fewer days.
    """
    made = aurora_scenarios(model, home, days, timezone, n_scenarios=n_scenarios)
    alone = {
        day: replace(paths, load_kwh=paths.load_kwh[:, :-RECENT_DAYS], pv_kwh=paths.pv_kwh[:, :-RECENT_DAYS])
        for day, paths in made.items()
    }
    return {day: paths for day, paths in alone.items() if is_complete(paths)}
