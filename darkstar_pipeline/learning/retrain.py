"""The weekly retrain: forecasts, policies, evidence, and the champion moved where the evidence carries it.

Everything it rests on lies before the day it is as of. Each step is written down as soon as it is done, so that a
retrain that was killed goes on where it was, and one that is repeated on the same data and settings changes nothing.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from darkstar_pipeline.aurora.registering import train_and_register
from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.learning.dataset import HASHED, REACH, usable_days
from darkstar_pipeline.learning.drift import drift_report
from darkstar_pipeline.learning.gate import weigh
from darkstar_pipeline.learning.training import Asked, prepared, train_version
from darkstar_pipeline.learning.windows import Windows, split
from darkstar_pipeline.models.bundles import stored_bundle
from darkstar_pipeline.models.moves import promote
from darkstar_pipeline.models.names import MODELS_FOLDER, reference, registered_name
from darkstar_pipeline.models.pointer import champion_version
from darkstar_pipeline.models.registry import attach_evidence
from darkstar_pipeline.replay_inputs import ReplayInputs, replay_inputs
from darkstar_pipeline.trained.policies import trained_policy
from darkstar_pipeline.whole_files import replacing
from planner.policy_names import MODEL_REFERENCE

POLICIES = ("lightgbm", "rl")
RECENT_DAYS = 28
STALE_DAYS = 7
MOST_REFUSED = 0.5
WHO = "retrain"


class Step(BaseModel):
    """A policy that was trained."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int
    beliefs: str
    validation_cost: float = Field(description="of all validation days [money]")
    saved_on_validation: float = Field(description="against value [money]")


class RetrainReport(BaseModel):
    """A retrain, as far as it came."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    site: str
    at: date = Field(description="nothing from this day on was used")
    status: str = Field(default="unfinished", description="unfinished, too_little, kept or promoted")
    warnings: tuple[str, ...] = ()
    windows: dict[str, tuple[date, date, int]] = Field(default_factory=dict, description="first, last, days")
    aurora: dict[str, Any] = Field(default_factory=dict, description="version, promoted, reasons")
    trained: dict[str, Step] = Field(default_factory=dict, description="by kind of policy")
    challenger: int | None = None
    evidence: dict[str, Any] = Field(default_factory=dict)
    figures: dict[str, float] = Field(default_factory=dict, description="of the challenger on the test days")
    champion: str = Field(default="value", description="what decides in the end")
    drift: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]])


@dataclass(frozen=True)
class _Kept:
    """A report in its file."""

    path: Path
    report: RetrainReport

    def done(self, changes: Mapping[str, object]) -> "_Kept":
        """The report with another step done, written down."""
        report = self.report.model_copy(update=dict(changes))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(self.path) as temporary:
            temporary.write_text(report.model_dump_json(indent=1), encoding="utf-8")
        return _Kept(self.path, report)


def retrain(context: Context, at: date, asked: Asked | None = None) -> RetrainReport:
    """Retrain a site as of a day.

    Args:
        context: the site.
        at: only days before it are used.
        asked: progress, notes, and links; settings are those of the configuration.

    Returns:
        The report; `too_little` where there are too few days, and then nothing changes.

    Raises:
        DataMissingError: nothing was ever backfilled.
        OutsideServiceError: MLflow refused or cannot be reached.
    """
    wishes = asked or Asked()
    settings = context.site_settings.learning
    days = usable_days(context, None, at - timedelta(days=1))
    beginning = RetrainReport(site=context.site_name, at=at, warnings=tuple(_oddities(at, days)))
    try:
        windows = split(days[-_most(context) :], settings, with_test=True)
    except DataMissingError as error:
        return beginning.model_copy(
            update={"status": "too_little", "warnings": (*beginning.warnings, str(error)), "champion": _in_use(context)}
        )
    every = (*windows.learned, *windows.test)
    inputs = replay_inputs(context, every, reach=REACH)
    kept = _opened(context, beginning, inputs)
    if kept.report.status != "unfinished":
        return kept.report.model_copy(update={"champion": _in_use(context)})
    for warning in beginning.warnings:
        wishes.note(warning)
    drift = drift_report(inputs, windows.learned, every[-RECENT_DAYS:])
    kept = kept.done({"windows": _told(windows), "drift": drift.to_dicts()})
    kept = _forecasts(context, kept, every, wishes)
    kept = _policies(context, kept, windows, wishes)
    return _decided(context, kept, windows).report


def _most(context: Context) -> int:
    """Days that the windows together may have."""
    settings = context.site_settings.learning
    return settings.train_days + settings.validation_days + settings.test_days


def _oddities(at: date, days: list[date]) -> list[str]:
    """What a person should look at before believing in a retrain."""
    found: list[str] = []
    if days and (at - days[-1]).days > STALE_DAYS:
        found.append(f"the last usable day is {days[-1]}, {(at - days[-1]).days} days before {at}")
    recent = [day for day in days if day >= at - timedelta(days=RECENT_DAYS)]
    if days and len(recent) < MOST_REFUSED * RECENT_DAYS:
        found.append(
            f"only {len(recent)} of the {RECENT_DAYS} days before {at} are usable; `darkstar quality` says why"
        )
    return found


def _opened(context: Context, beginning: RetrainReport, inputs: ReplayInputs) -> _Kept:
    """The report of this retrain: as far as it came, or from the beginning.

    The same day, data and settings are the same retrain; champions that moved since do not make it another.
    """
    table = inputs.slots.select(HASHED).sort("slot_start").write_csv(float_precision=9)
    settings = context.site_settings.model_dump_json(exclude={"policies"})
    told = json.dumps([str(beginning.at), settings, table, inputs.forecasts.height])
    key = hashlib.sha256(told.encode()).hexdigest()[:12]
    path = context.home / MODELS_FOLDER / context.site_name / "retrains" / f"{beginning.at}-{key}.json"
    try:
        return _Kept(path, RetrainReport.model_validate_json(path.read_bytes()))
    except (FileNotFoundError, ValidationError):  # a damaged or an older report is begun anew
        return _Kept(path, beginning)


def _told(windows: Windows) -> dict[str, tuple[date, date, int]]:
    named = {"train": windows.train, "validation": windows.validation, "test": windows.test}
    return {name: (days[0], days[-1], len(days)) for name, days in named.items() if days}


def _forecasts(context: Context, kept: _Kept, days: tuple[date, ...], asked: Asked) -> _Kept:
    """Train the forecaster on everything before the day; it is in use where it errs less than the naive mean."""
    if kept.report.aurora:
        return kept
    settings = context.site_settings
    first = max(days[0], days[-1] - timedelta(days=settings.forecast.training_days))
    asked.note("Aurora is trained")
    try:
        made = train_and_register(
            context, first, days[-1], seed=settings.learning.seed, who=WHO, dagster_run_id=asked.dagster_run_id
        )
    except DataMissingError as error:
        return kept.done({"aurora": {"version": None, "promoted": False, "reasons": [str(error)]}})
    told = {"version": made.version, "promoted": made.promoted, "reasons": list(made.verdict["reasons"])}
    return kept.done({"aurora": told})


def _policies(context: Context, kept: _Kept, windows: Windows, asked: Asked) -> _Kept:
    """Train each kind of policy that is not trained yet."""
    missing = [kind for kind in POLICIES if kind not in kept.report.trained]
    if not missing:
        return kept
    data = prepared(context, windows, asked.note)
    for kind in missing:
        asked.note(f"{kind} is trained")
        trained = train_version(data, kind, asked)
        costs = {row["policy"]: row["cost"] for row in trained.totals}
        step = Step(
            version=trained.version,
            beliefs=trained.beliefs,
            validation_cost=costs[kind],
            saved_on_validation=costs["value"] - costs[kind],
        )
        kept = kept.done({"trained": {**kept.report.trained, kind: step}})
    return kept


def _decided(context: Context, kept: _Kept, windows: Windows) -> _Kept:
    """The policy that was cheaper on validation is the challenger; the gate says whether it comes into use."""
    best = min(kept.report.trained.values(), key=lambda step: step.validation_cost)
    name = registered_name(context.site_name)
    stored_bundle(context, name, best.version)
    challenger = trained_policy(context, reference(name, best.version))
    if challenger is None:
        raise DataMissingError(f"{name} has no version {best.version}", "run the retrain again")
    if champion_version(context, name) == best.version:
        reason = f"version {best.version} is in use already"
        return kept.done(
            {
                "status": "kept",
                "challenger": best.version,
                "champion": _in_use(context),
                "evidence": {"reasons": [reason]},
            }
        )
    evidence = weigh(context, challenger, windows, saved_on_validation=best.saved_on_validation)
    attach_evidence(context, name, best.version, evidence.document)
    if evidence.promote:
        promote(context, best.version, who=WHO, why=evidence.document["reasons"][0], evidence=evidence.document)
    return kept.done(
        {
            "status": "promoted" if evidence.promote else "kept",
            "challenger": best.version,
            "evidence": evidence.document,
            "figures": evidence.figures,
            "champion": _in_use(context),
        }
    )


def _in_use(context: Context) -> str:
    """What decides now."""
    name = registered_name(context.site_name)
    version = champion_version(context, name)
    return "value" if version is None else f"{MODEL_REFERENCE}{name}/{version}"


def as_document(report: RetrainReport) -> Mapping[str, Any]:
    """The report as plain values."""
    return report.model_dump(mode="json")
