"""A retrain that a person asks for with a reason, whatever was trained before, in one call with its progress."""

from datetime import date
from typing import Any

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.evaluation.stored_missing_money import store_missing_money
from darkstar_pipeline.learning.retrain import Retrain, as_document
from darkstar_pipeline.learning.training import TrainingOptions
from planner.parallel import Progress

_PARTS = 5
_WHOLE = 100


def forced_retrain(context: Context, at: date, why: str, progress: Progress) -> dict[str, Any]:
    """Return the report of a retrain that does everything again, `darkstar retrain --force` by another door.

    Args:
        context: the site.
        at: day of the retrain; only days before it are used.
        why: the reason, kept with the report.
        progress: told after every part, and while a policy trains.

    Raises:
        DataMissingError: nothing was ever backfilled.
        OutsideServiceError: MLflow refused or cannot be reached.
    """
    furthest = 0

    def tell(part: int, share: float = 0.0) -> None:
        nonlocal furthest  # each policy counts its own steps from the beginning
        furthest = max(furthest, int(_WHOLE * (part + share)))
        progress(furthest, _WHOLE * _PARTS)

    options = TrainingOptions(progress=lambda done, total: tell(1, done / total))
    run = Retrain(context, at, options, forced=why)
    for part, step in enumerate((run.forecasts, run.policies, run.challenger, run.champion), start=1):
        step()
        tell(part)
    warnings = list(run.report.warnings)
    try:
        store_missing_money(context, at)
    except DataMissingError as error:
        warnings.append(f"what is missing to perfect hindsight was not worked out: {error}")
    return {**as_document(run.report), "warnings": warnings}
