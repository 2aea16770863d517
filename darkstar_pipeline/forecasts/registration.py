"""Training and registration of a site's Aurora, and its promotion if it is better than the mean of seven days.

The gate is the days held out: a version goes into use when its error there, load and PV together, is below that of the
seven-day mean. What does not belong here: how it is fitted and measured (`training`).
"""

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from darkstar_pipeline.context import Context
from darkstar_pipeline.forecasts.inputs import readings_between
from darkstar_pipeline.forecasts.training import TrainedAurora, train_aurora
from darkstar_pipeline.models.promotion import promote
from darkstar_pipeline.models.registry import register_model
from darkstar_pipeline.models.training_run import TrainingRun
from darkstar_pipeline.models.version import registered_name
from planner.forecasts.aurora_model import MODEL_VERSION

GATED = ("load", "pv")


@dataclass(frozen=True, kw_only=True)
class RegisteredAurora:
    """A trained and registered version.

    Attributes:
        trained: the model and its metrics.
        version: version of the registered model.
        verdict: whether it is promoted, and why: `promote, reasons` and the errors compared.
    """

    trained: TrainedAurora
    version: int
    verdict: dict[str, Any]

    @property
    def promoted(self) -> bool:
        """Return whether it is in use now."""
        return self.verdict["promote"] is True


def train_and_register(
    context: Context,
    first: date,
    last: date,
    *,
    seed: int = 0,
    actor: str = "darkstar",
    dagster_run_id: str | None = None,
) -> RegisteredAurora:
    """Fit a site's Aurora, register it, and promote it if it errs less on the held-out days.

    Args:
        context: the site.
        first: first local day.
        last: last local day, inclusive.
        seed: random seed of rows and trees.
        actor: name of the person or job, for the record of the promotion.
        dagster_run_id: Dagster run that trains, for the link back.

    Raises:
        DataMissingError: there are fewer than fourteen accepted days.
        OutsideServiceError: MLflow refused or cannot be reached.
    """
    trained = train_aurora(context, first, last, seed=seed)
    verdict = promotion_verdict(trained)
    run = TrainingRun(
        train=(first, trained.provenance.last_day),
        test=(trained.held_out[0], trained.held_out[-1]) if trained.held_out else None,
        content_hash=_content_hash(context, first, last),
        seeds=(seed,),
        params={
            "model": MODEL_VERSION,
            "days": trained.days,
            "lacks": ", ".join(trained.model.lacks),
            "weather": trained.provenance.weather or "none",
        },
        metrics={name: value for name, value in trained.metrics.items() if value is not None},
        dagster_run_id=dagster_run_id,
    )
    with TemporaryDirectory(prefix="aurora-") as folder:
        bundle = Path(folder) / "bundle"
        trained.save(bundle)
        version = register_model(context, bundle, run)
    if verdict["promote"]:
        name = registered_name(context.site_name, "aurora")
        promote(context, version, actor=actor, reason=verdict["reasons"][0], evidence=verdict, name=name)
    return RegisteredAurora(trained=trained, version=version, verdict=verdict)


def promotion_verdict(trained: TrainedAurora) -> dict[str, Any]:
    """Return whether a model is promoted: `promote`, `reasons`, and the two errors [kWh a slot] if measured."""
    metrics = trained.metrics
    own, mean = ([metrics.get(f"mae_{quantity}_{name}") for quantity in GATED] for name in ("aurora", "seven_day_mean"))
    if not trained.held_out or own[0] is None or mean[0] is None:
        reason = f"{trained.days} days are too few to hold some out and measure it; the naive forecasts stay in use"
        return {"promote": False, "reasons": [reason]}
    errors = [sum(value for value in values if value is not None) for values in (own, mean)]
    better = errors[0] < errors[1]
    word = "below" if better else "not below"
    reason = (
        f"mean absolute error of {len(trained.held_out)} days held out {errors[0]:.4f} kWh a slot, {word} the "
        f"seven-day mean's {errors[1]:.4f}"
    )
    return {"promote": better, "reasons": [reason], "mae": errors[0], "mae_seven_day_mean": errors[1]}


def _content_hash(context: Context, first: date, last: date) -> str:
    """Return a hash of the training readings: the same data, the same hash."""
    table = readings_between(context, first, last).sort("slot_start").write_csv(float_precision=9)
    return hashlib.sha256(table.encode()).hexdigest()[:16]
