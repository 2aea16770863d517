"""The weekly retrain: forecasts, policies, evidence, and a promotion if the evidence supports it.

It uses only data before its day. Each step is recorded as soon as it is done, so that a killed retrain is resumed, and
one that is repeated on the same data and settings changes nothing.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.replay_inputs import ReplayInputs, content_hash, replay_inputs
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.forecasts.registration import RegisteredAurora, train_and_register
from darkstar_pipeline.learning.dataset import LOOKBACK_DAYS, LearningData, usable_days
from darkstar_pipeline.learning.drift import drift_report
from darkstar_pipeline.learning.promotion_gate import GateResult, evaluate_challenger
from darkstar_pipeline.learning.splits import Windows, split
from darkstar_pipeline.learning.training import TrainedVersion, TrainingOptions, prepare_data, train_version
from darkstar_pipeline.models.champion_pointer import champion_version
from darkstar_pipeline.models.promotion import promote
from darkstar_pipeline.models.registry import attach_evidence, stored_bundle
from darkstar_pipeline.models.version import reference, registered_name, retrains_folder
from darkstar_pipeline.policies.trained import trained_policy
from darkstar_pipeline.retention.apart import apply_where_due
from darkstar_pipeline.state.atomic_files import atomic_write
from planner.artifacts.atomic_files import make_folder
from planner.demand_charges.bills import has_demand_charge

POLICIES = ("lightgbm", "rl")
RECENT_DAYS = 28
STALE_DAYS = 7
MONTH_DAYS = 31
LEAST_USABLE_SHARE = 0.5
ACTOR = "retrain"


class TrainedStep(BaseModel):
    """A policy that was trained."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int
    beliefs: str
    validation_cost: float = Field(description="Cost of all validation days, their demand charge included [money].")
    saved_on_validation: float = Field(description="Saving against value on them [money].")


class RetrainReport(BaseModel):
    """Report of a retrain so far."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    site: str
    at: date = Field(description="Day of the retrain; only data before it was used.")
    forced: str | None = Field(default=None, description="Reason for a retrain of what was retrained already.")
    status: str = Field(default="unfinished", description="Status: unfinished, too_little, kept or promoted.")
    warnings: tuple[str, ...] = ()
    windows: dict[str, tuple[date, date, int]] = Field(
        default_factory=dict, description="First day, last day and number of days, by window."
    )
    aurora: dict[str, Any] = Field(
        default_factory=dict, description="Version, whether it was promoted, and the reasons."
    )
    trained: dict[str, TrainedStep] = Field(default_factory=dict, description="Trained policies by kind.")
    challenger: int | None = None
    evidence: dict[str, Any] = Field(default_factory=dict)
    figures: dict[str, float] = Field(default_factory=dict, description="Metrics of the challenger on the test days.")
    champion: str = Field(default="value", description="Policy in use after the retrain.")
    drift: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]])


def assess_version(context: Context, version: int, windows: Windows, *, saved_on_validation: float) -> GateResult:
    """Test a trained version against the policy in use, and store the evidence with the version.

    Raises:
        DataMissingError: there is no such version.
    """
    name = registered_name(context.site_name)
    stored_bundle(context, name, version)
    challenger = trained_policy(context, reference(name, version))
    if challenger is None:
        raise DataMissingError(f"{name} has no version {version}", "run the retrain again")
    result = evaluate_challenger(context, challenger, windows, saved_on_validation=saved_on_validation)
    attach_evidence(context, name, version, result.document)
    return result


@dataclass(frozen=True, kw_only=True)
class RetrainSteps:
    """Functions that do the work of a retrain, which itself decides what is still to do.

    Attributes:
        read_inputs: returns slots, forecasts and readings of days.
        train_forecaster: trains, registers and perhaps promotes Aurora.
        prepare_data: returns the data of the training and validation days.
        train_policy: trains and registers a kind of policy.
        assess_version: tests a version and stores the evidence.
        promote: promotes a version.
        champion_version: returns the version in use; None for `value`.
        apply_retention: removes from the state folder what is past its time; returns what went wrong.
    """

    read_inputs: Callable[..., ReplayInputs] = replay_inputs
    train_forecaster: Callable[..., RegisteredAurora] = train_and_register
    prepare_data: Callable[..., LearningData] = prepare_data
    train_policy: Callable[..., TrainedVersion] = train_version
    assess_version: Callable[..., GateResult] = assess_version
    promote: Callable[..., object] = promote
    champion_version: Callable[[Context], int | None] = champion_version
    apply_retention: Callable[[Path], str] = apply_where_due


class Retrain:
    """A retrain, step by step; a step that was recorded as done is not repeated.

    Args:
        context: the site.
        at: day of the retrain; only days before it are used.
        options: progress, notes, and links; settings are those of the configuration.
        steps: functions that do the work; None takes the real ones.
        forced: reason to do it all again though it was done on the same data; None goes on with what was done.

    Raises:
        DataMissingError: nothing was ever backfilled.
    """

    def __init__(
        self,
        context: Context,
        at: date,
        options: TrainingOptions | None = None,
        steps: RetrainSteps | None = None,
        *,
        forced: str | None = None,
    ) -> None:
        self.context, self.at = context, at
        self._options, self._steps = options or TrainingOptions(), steps or RetrainSteps()
        self.windows: Windows | None = None
        days = usable_days(context, None, at - timedelta(days=1))
        self.report = RetrainReport(site=context.site_name, at=at, forced=forced, warnings=tuple(_warnings(at, days)))
        try:
            rules, charged = context.site_settings.learning, has_demand_charge(context.site)
            self.windows = split(days[-_max_days(context) :], rules, with_test=True, whole_months=charged)
        except DataMissingError as error:
            warnings = (*self.report.warnings, str(error))
            changes = {"status": "too_little", "warnings": warnings, "champion": self._in_use()}
            self.report = self.report.model_copy(update=changes)
            return
        every = (*self.windows.learned, *self.windows.test)
        inputs = self._steps.read_inputs(
            context.lake, context.site, every, has_pv=context.site_settings.has_pv, lookback_days=LOOKBACK_DAYS
        )
        self._path = _report_path(context, self.report, inputs)
        earlier = None if forced is not None else _read_report(self._path)
        if earlier is not None:
            self.report = earlier.model_copy(update={"champion": self._in_use()})
            return
        drift = drift_report(inputs, self.windows.learned, every[-RECENT_DAYS:])
        self._done({"windows": _window_spans(self.windows), "drift": drift.to_dicts()})

    @property
    def finished(self) -> bool:
        """Return whether no step is left."""
        return self.report.status != "unfinished"

    def forecasts(self) -> None:
        """Train the forecaster on everything before the day; it comes into use if it errs less than the naive mean."""
        if self.finished or self.report.aurora:
            return
        settings, last = self.context.site_settings, self.at - timedelta(days=1)
        first = max(last - timedelta(days=settings.forecast.training_days - 1), settings.first_day)
        self._options.note("Aurora is trained")
        seed, run = settings.learning.seed, self._options.dagster_run_id
        try:
            registered = self._steps.train_forecaster(
                self.context, first, last, seed=seed, actor=ACTOR, dagster_run_id=run
            )
        except DataMissingError as error:
            self._done({"aurora": {"version": None, "promoted": False, "reasons": [str(error)]}})
            return
        aurora = {
            "version": registered.version,
            "promoted": registered.promoted,
            "reasons": list(registered.verdict["reasons"]),
        }
        self._done({"aurora": aurora})

    def policies(self, kinds: Sequence[str] = POLICIES) -> None:
        """Train each of these kinds of policy that is not trained yet."""
        missing = [kind for kind in kinds if kind not in self.report.trained]
        if self.finished or self.windows is None or not missing:
            return
        data = self._steps.prepare_data(self.context, self.windows, self._options.note)
        for kind in missing:
            self._options.note(f"{kind} is trained")
            trained = self._steps.train_policy(data, kind, self._options)
            costs = {row["policy"]: row["total_cost"] for row in trained.totals}
            step = TrainedStep(
                version=trained.version,
                beliefs=trained.beliefs,
                validation_cost=costs[kind],
                saved_on_validation=costs["value"] - costs[kind],
            )
            self._done({"trained": {**self.report.trained, kind: step}})

    def challenger(self) -> None:
        """Test the policy that was cheapest on validation, on days that it has never seen."""
        if self.finished or self.windows is None or self.report.challenger is not None:
            return
        best = min(self.report.trained.values(), key=lambda step: step.validation_cost)
        if self._steps.champion_version(self.context) == best.version:
            reasons = [f"version {best.version} is in use already"]
            self._done({"challenger": best.version, "evidence": {"promote": False, "reasons": reasons}})
            return
        result = self._steps.assess_version(
            self.context, best.version, self.windows, saved_on_validation=best.saved_on_validation
        )
        self._done({"challenger": best.version, "evidence": result.document, "figures": result.figures})

    def champion(self) -> None:
        """Promote the challenger if the evidence supports it; then old state goes, where a day has gone by."""
        if self.finished or self.report.challenger is None:
            return
        evidence, version = self.report.evidence, self.report.challenger
        supported = evidence["promote"] is True
        if supported:
            self._steps.promote(self.context, version, actor=ACTOR, reason=evidence["reasons"][0], evidence=evidence)
        self._done({"status": "promoted" if supported else "kept", "champion": self._in_use()})
        if self.context.settings.retention.automatic and (problem := self._steps.apply_retention(self.context.home)):
            self._options.note(problem)

    def _in_use(self) -> str:
        """Return the policy in use: a version by its reference, or `value`."""
        version = self._steps.champion_version(self.context)
        return "value" if version is None else reference(registered_name(self.context.site_name), version)

    def _done(self, changes: Mapping[str, object]) -> None:
        """Record that another step is done."""
        self.report = self.report.model_copy(update=dict(changes))
        make_folder(self._path.parent)
        with atomic_write(self._path) as temporary:
            temporary.write_text(self.report.model_dump_json(indent=1), encoding="utf-8")


def retrain(
    context: Context,
    at: date,
    options: TrainingOptions | None = None,
    steps: RetrainSteps | None = None,
    *,
    forced: str | None = None,
) -> RetrainReport:
    """Retrain a site as of a day.

    Args:
        context: the site.
        at: day of the retrain; only days before it are used.
        options: progress, notes, and links; settings are those of the configuration.
        steps: functions that do the work; None takes the real ones.
        forced: as for `Retrain`.

    Returns:
        The report; its status is `too_little` if there are too few days, and then nothing changes.

    Raises:
        DataMissingError: nothing was ever backfilled.
        OutsideServiceError: MLflow refused or cannot be reached.
    """
    run = Retrain(context, at, options, steps, forced=forced)
    run.forecasts()
    run.policies()
    run.challenger()
    run.champion()
    return run.report


def _max_days(context: Context) -> int:
    """Return the largest number of days of all windows together."""
    settings = context.site_settings.learning
    month = MONTH_DAYS if has_demand_charge(context.site) else 0
    return settings.train_days + settings.validation_days + settings.test_days + month


def _warnings(at: date, days: list[date]) -> list[str]:
    """Return warnings about the days of a retrain, for a person to check."""
    found: list[str] = []
    if days and (at - days[-1]).days > STALE_DAYS:
        found.append(f"the last usable day is {days[-1]}, {(at - days[-1]).days} days before {at}")
    recent = [day for day in days if day >= at - timedelta(days=RECENT_DAYS)]
    if days and len(recent) < LEAST_USABLE_SHARE * RECENT_DAYS:
        few = f"only {len(recent)} of the {RECENT_DAYS} days before {at} are usable"
        found.append(f"{few}; `darkstar quality` says why")
    return found


def _report_path(context: Context, beginning: RetrainReport, inputs: ReplayInputs) -> Path:
    """Return the file of the report.

    The same day, data and settings are the same retrain, whatever was promoted since.
    """
    settings = context.site_settings.model_dump_json(exclude={"policies", "language"})
    document = json.dumps([str(beginning.at), settings, content_hash(inputs.slots)])
    key = hashlib.sha256(document.encode()).hexdigest()[:12]
    return retrains_folder(context) / f"{beginning.at}-{key}.json"


def _read_report(path: Path) -> RetrainReport | None:
    """Return the report so far; None if it is missing, damaged or of an older form."""
    try:
        return RetrainReport.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def _window_spans(windows: Windows) -> dict[str, tuple[date, date, int]]:
    named = {"train": windows.train, "validation": windows.validation, "test": windows.test}
    return {name: (days[0], days[-1], len(days)) for name, days in named.items() if days}


def as_document(report: RetrainReport) -> Mapping[str, Any]:
    """Return the report as plain values."""
    return report.model_dump(mode="json")
