"""The weekly retrain: forecasts, policies, evidence, and the champion moved where the evidence carries it.

Everything it rests on lies before the day it is as of. Each step is written down as soon as it is done, so that a
retrain that was killed goes on where it was, and one that is repeated on the same data and settings changes nothing.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.replay_inputs import ReplayInputs, content_hash, replay_inputs
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.forecasts.registration import train_and_register
from darkstar_pipeline.learning.dataset import REACH, usable_days
from darkstar_pipeline.learning.drift import drift_report
from darkstar_pipeline.learning.promotion_gate import evaluate_challenger
from darkstar_pipeline.learning.splits import Windows, split
from darkstar_pipeline.learning.training import TrainingOptions, prepared, train_version
from darkstar_pipeline.models.champion_pointer import champion_version
from darkstar_pipeline.models.promotion import promote
from darkstar_pipeline.models.registry import attach_evidence, stored_bundle
from darkstar_pipeline.models.version import reference, registered_name, retrains_folder
from darkstar_pipeline.policies.trained import trained_policy
from darkstar_pipeline.state.atomic_files import atomic_write

POLICIES = ("lightgbm", "rl")
RECENT_DAYS = 28
STALE_DAYS = 7
MOST_REFUSED = 0.5
ACTOR = "retrain"


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


class Retrain:
    """A retrain, step by step; a step that is done already is found and not repeated.

    Args:
        context: the site.
        at: only days before it are used.
        asked: progress, notes, and links; settings are those of the configuration.

    Raises:
        DataMissingError: nothing was ever backfilled.
    """

    def __init__(self, context: Context, at: date, asked: TrainingOptions | None = None) -> None:
        self.context, self.at, self._asked = context, at, asked or TrainingOptions()
        self.windows: Windows | None = None
        days = usable_days(context, None, at - timedelta(days=1))
        self.report = RetrainReport(site=context.site_name, at=at, warnings=tuple(_warnings(at, days)))
        try:
            self.windows = split(days[-_most(context) :], context.site_settings.learning, with_test=True)
        except DataMissingError as error:
            warnings = (*self.report.warnings, str(error))
            changes = {"status": "too_little", "warnings": warnings, "champion": in_use(context)}
            self.report = self.report.model_copy(update=changes)
            return
        every = (*self.windows.learned, *self.windows.test)
        inputs = replay_inputs(
            context.lake, context.site, every, has_pv=context.site_settings.has_pv, lookback_days=REACH
        )
        self._path = _place(context, self.report, inputs)
        found = _read(self._path)
        if found is not None:
            self.report = found.model_copy(update={"champion": in_use(context)})
            return
        drift = drift_report(inputs, self.windows.learned, every[-RECENT_DAYS:])
        self._done({"windows": _told(self.windows), "drift": drift.to_dicts()})

    @property
    def over(self) -> bool:
        """Whether nothing is left to do."""
        return self.report.status != "unfinished"

    def forecasts(self) -> None:
        """Train the forecaster on everything before the day; it is in use where it errs less than the naive mean."""
        if self.over or self.report.aurora:
            return
        settings, last = self.context.site_settings, self.at - timedelta(days=1)
        first = max(last - timedelta(days=settings.forecast.training_days - 1), settings.first_day)
        self._asked.note("Aurora is trained")
        seed, run = settings.learning.seed, self._asked.dagster_run_id
        try:
            made = train_and_register(self.context, first, last, seed=seed, actor=ACTOR, dagster_run_id=run)
        except DataMissingError as error:
            self._done({"aurora": {"version": None, "promoted": False, "reasons": [str(error)]}})
            return
        told = {"version": made.version, "promoted": made.promoted, "reasons": list(made.verdict["reasons"])}
        self._done({"aurora": told})

    def policies(self, kinds: Sequence[str] = POLICIES) -> None:
        """Train each of these kinds of policy that is not trained yet."""
        missing = [kind for kind in kinds if kind not in self.report.trained]
        if self.over or self.windows is None or not missing:
            return
        data = prepared(self.context, self.windows, self._asked.note)
        for kind in missing:
            self._asked.note(f"{kind} is trained")
            trained = train_version(data, kind, self._asked)
            costs = {row["policy"]: row["cost"] for row in trained.totals}
            step = Step(
                version=trained.version,
                beliefs=trained.beliefs,
                validation_cost=costs[kind],
                saved_on_validation=costs["value"] - costs[kind],
            )
            self._done({"trained": {**self.report.trained, kind: step}})

    def challenger(self) -> None:
        """Judge the policy that was cheapest on validation, on days that it has never seen."""
        if self.over or self.windows is None or self.report.challenger is not None:
            return
        best = min(self.report.trained.values(), key=lambda step: step.validation_cost)
        name = registered_name(self.context.site_name)
        if champion_version(self.context) == best.version:
            reasons = [f"version {best.version} is in use already"]
            self._done({"challenger": best.version, "evidence": {"promote": False, "reasons": reasons}})
            return
        stored_bundle(self.context, name, best.version)
        challenger = trained_policy(self.context, reference(name, best.version))
        if challenger is None:
            raise DataMissingError(f"{name} has no version {best.version}", "run the retrain again")
        found = evaluate_challenger(
            self.context, challenger, self.windows, saved_on_validation=best.saved_on_validation
        )
        attach_evidence(self.context, name, best.version, found.document)
        self._done({"challenger": best.version, "evidence": found.document, "figures": found.figures})

    def champion(self) -> None:
        """Put the challenger into use where the evidence carries it."""
        if self.over or self.report.challenger is None:
            return
        evidence, version = self.report.evidence, self.report.challenger
        carried = evidence["promote"] is True
        if carried:
            promote(self.context, version, actor=ACTOR, reason=evidence["reasons"][0], evidence=evidence)
        self._done({"status": "promoted" if carried else "kept", "champion": in_use(self.context)})

    def _done(self, changes: Mapping[str, object]) -> None:
        """Another step is done: write it down."""
        self.report = self.report.model_copy(update=dict(changes))
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(self._path) as temporary:
            temporary.write_text(self.report.model_dump_json(indent=1), encoding="utf-8")


def retrain(context: Context, at: date, asked: TrainingOptions | None = None) -> RetrainReport:
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
    run = Retrain(context, at, asked)
    run.forecasts()
    run.policies()
    run.challenger()
    run.champion()
    return run.report


def in_use(context: Context) -> str:
    """What decides now: a version by its reference, or `value`."""
    version = champion_version(context)
    return "value" if version is None else reference(registered_name(context.site_name), version)


def _most(context: Context) -> int:
    """Days that the windows together may have."""
    settings = context.site_settings.learning
    return settings.train_days + settings.validation_days + settings.test_days


def _warnings(at: date, days: list[date]) -> list[str]:
    """What a person should look at before believing in a retrain."""
    found: list[str] = []
    if days and (at - days[-1]).days > STALE_DAYS:
        found.append(f"the last usable day is {days[-1]}, {(at - days[-1]).days} days before {at}")
    recent = [day for day in days if day >= at - timedelta(days=RECENT_DAYS)]
    if days and len(recent) < MOST_REFUSED * RECENT_DAYS:
        few = f"only {len(recent)} of the {RECENT_DAYS} days before {at} are usable"
        found.append(f"{few}; `darkstar quality` says why")
    return found


def _place(context: Context, beginning: RetrainReport, inputs: ReplayInputs) -> Path:
    """Where the report stands.

    The same day, data and settings are the same retrain; champions that moved since do not make it another.
    """
    settings = context.site_settings.model_dump_json(exclude={"policies"})
    told = json.dumps([str(beginning.at), settings, content_hash(inputs.slots)])
    key = hashlib.sha256(told.encode()).hexdigest()[:12]
    return retrains_folder(context) / f"{beginning.at}-{key}.json"


def _read(path: Path) -> RetrainReport | None:
    """The report as far as it came; None where there is none, or one that is damaged or of an older form."""
    try:
        return RetrainReport.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def _told(windows: Windows) -> dict[str, tuple[date, date, int]]:
    named = {"train": windows.train, "validation": windows.validation, "test": windows.test}
    return {name: (days[0], days[-1], len(days)) for name, days in named.items() if days}


def as_document(report: RetrainReport) -> Mapping[str, Any]:
    """The report as plain values."""
    return report.model_dump(mode="json")
