"""Bundles of Aurora: LightGBM's text for the trees, safetensors for the arrays; loading runs no code.

The manifest holds what a model was fitted on: its window of days, its time zone and the orientation of the panels.
Forecasts need the same ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from planner.artifacts.bundle import Bundle, Manifest, read_bundle, save_bundle
from planner.errors import PolicyMismatchError
from planner.forecasts.aurora_model import MODEL_VERSION, QUANTILES, AuroraModel, DayErrors, TargetModel
from planner.forecasts.calibration import PastScores
from planner.forecasts.clear_sky import Plane, PvSystem

if TYPE_CHECKING:
    from lightgbm import Booster

KIND = "aurora"
ARRAYS = "arrays.safetensors"


class TargetSummary(BaseModel):
    """Summary of the trees of the load, or of PV, in the manifest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    names: tuple[str, ...] = Field(description="Names of the features, in order.")
    relative: bool = Field(description="Whether the trees predict a share of the base.")
    widening: dict[str, float] = Field(description="Addition to each quantile, by its name such as p10.")


class TrainingSummary(BaseModel):
    """Summary of a model and of the data that it was fitted on: the manifest's `details`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str = Field(description="Version of Aurora's code; another one has other features.")
    timezone: str = Field(description="Time zone of the home's days.")
    country: str | None = Field(default=None, description="Country whose public holidays count (ISO 3166).")
    first_day: date = Field(description="First local day of the readings; forecasts read from it on too.")
    last_day: date = Field(description="Last local day that the model was fitted on.")
    latitude: float | None = Field(default=None, description="Latitude of the panels, north positive [deg].")
    longitude: float | None = Field(default=None, description="Longitude of the panels, east positive [deg].")
    tilt: float = Field(default=30.0, description="Tilt of the panels from the horizontal [deg].")
    azimuth: float = Field(default=180.0, description="Azimuth of the panels, from north over east [deg].")
    planes: tuple[Plane, ...] = Field(
        default=(), exclude_if=lambda planes: not planes, description="Planes of a roof of several, instead of both."
    )
    lacks: tuple[str, ...] = Field(description="External forecasts that were missing.")
    load_correction: float = Field(default=0.0, description="Share of the correction pooled over homes, of the load.")
    pv_correction: float = Field(default=0.0, description="The same of PV.")
    weather: str = Field(default="", description="What weather it learned from, in words; empty for none.")
    load: TargetSummary
    pv: TargetSummary | None = Field(description="Summary of PV; null for a home without panels.")
    metrics: dict[str, float | None] = Field(default_factory=dict, description="Errors on held-out days, by name.")


@dataclass(frozen=True, kw_only=True)
class TrainingProvenance:
    """Data that a model was fitted on.

    Attributes:
        timezone: time zone of the home.
        first_day: first local day of the readings.
        last_day: last local day that the model was fitted on.
        panels: location and orientation of the panels; None if unknown.
        country: country whose public holidays count; None without holidays.
        metrics: errors on held-out days by name; None if an error could not be measured.
        weather: what weather it learned from, in words; empty for none.
    """

    timezone: str
    first_day: date
    last_day: date
    panels: PvSystem | None = None
    country: str | None = None
    metrics: Mapping[str, float | None]
    weather: str = ""


@dataclass(frozen=True)
class LoadedAurora:
    """A model read from its bundle.

    Attributes:
        model: fitted model.
        summary: its training data and missing inputs.
        identity: identity of the bundle.
    """

    model: AuroraModel
    summary: TrainingSummary
    identity: str

    @property
    def panels(self) -> PvSystem | None:
        """Location and orientation of the panels that the model was fitted with."""
        summary = self.summary
        if summary.latitude is None or summary.longitude is None:
            return None
        return PvSystem(
            latitude=summary.latitude,
            longitude=summary.longitude,
            tilt=summary.tilt,
            azimuth=summary.azimuth,
            planes=summary.planes,
        )


def save_aurora(folder: Path, model: AuroraModel, provenance: TrainingProvenance) -> Bundle:
    """Save a model as a bundle atomically: whole or not at all.

    Args:
        folder: folder of the bundle.
        model: the fitted model.
        provenance: the data that it was fitted on.
    """
    from safetensors.numpy import save

    panels = {} if provenance.panels is None else vars(provenance.panels)
    learned = TrainingSummary(
        version=MODEL_VERSION,
        timezone=provenance.timezone,
        country=provenance.country,
        first_day=provenance.first_day,
        last_day=provenance.last_day,
        lacks=model.lacks,
        load_correction=model.load_correction,
        pv_correction=model.pv_correction,
        load=_target_summary(model.load),
        pv=None if model.pv is None else _target_summary(model.pv),
        metrics=dict(provenance.metrics),
        weather=provenance.weather,
        **panels,
    )
    arrays, files = _arrays("errors", model.errors), dict[str, bytes]()
    for of, target in (("load", model.load), ("pv", model.pv)):
        if target is not None:
            arrays |= _arrays(f"{of}_past", target.past)
            files |= _trees(of, target)
    files[ARRAYS] = save(arrays)
    # Bundles that learned from no weather keep the identity that they had before this was recorded.
    details = learned.model_dump(mode="json", exclude=None if learned.weather else {"weather"})
    manifest = Manifest(kind=KIND, algorithm="lightgbm", details=details)
    return save_bundle(folder, manifest, files)


def load_aurora(bundle: Bundle | Path) -> LoadedAurora:
    """Return the model of a bundle.

    Args:
        bundle: a bundle, or its folder.

    Raises:
        PolicyMismatchError: the bundle is damaged, no Aurora, or of another version.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    whole = read_bundle(bundle, kind=KIND) if isinstance(bundle, Path) else bundle
    try:
        learned = TrainingSummary.model_validate(whole.manifest.details)
        if learned.version != MODEL_VERSION:
            message = f"made by {learned.version}, this is {MODEL_VERSION}; run `darkstar train aurora`"
            raise PolicyMismatchError(message)
        arrays = load(whole.files[ARRAYS])
        errors = DayErrors(**_fields("errors", DayErrors, arrays))
        model = AuroraModel(
            load=_target_model("load", learned.load, whole.files, arrays),
            pv=None if learned.pv is None else _target_model("pv", learned.pv, whole.files, arrays),
            errors=errors,
            lacks=learned.lacks,
            load_correction=learned.load_correction,
            pv_correction=learned.pv_correction,
        )
    except (ValidationError, KeyError, SafetensorError) as error:
        message = f"no Aurora can be made of the bundle: {type(error).__name__}: {error}"
        raise PolicyMismatchError(message) from error
    return LoadedAurora(model, learned, whole.identity)


def _quantile_name(quantile: float) -> str:
    return f"p{quantile * 100:.0f}"


def _target_summary(target: TargetModel) -> TargetSummary:
    widening = {_quantile_name(quantile): value for quantile, value in target.widening.items()}
    return TargetSummary(names=target.names, relative=target.relative, widening=widening)


def _trees(of: str, target: TargetModel) -> dict[str, bytes]:
    boosters = {
        "mean": target.mean,
        **{_quantile_name(quantile): booster for quantile, booster in target.quantiles.items()},
    }
    return {f"{of}_{name}.txt": booster.model_to_string().encode() for name, booster in boosters.items()}


def _arrays(of: str, holder: DayErrors | PastScores) -> dict[str, Any]:
    return {f"{of}.{field.name}": np.ascontiguousarray(getattr(holder, field.name)) for field in fields(holder)}


def _fields(of: str, kind: type[DayErrors | PastScores], arrays: Mapping[str, Any]) -> dict[str, Any]:
    return {field.name: arrays[f"{of}.{field.name}"] for field in fields(kind)}


def _target_model(
    of: str, summary: TargetSummary, files: Mapping[str, bytes], arrays: Mapping[str, Any]
) -> TargetModel:
    return TargetModel(
        names=summary.names,
        relative=summary.relative,
        mean=_booster(of, "mean", files),
        quantiles={q: _booster(of, _quantile_name(q), files) for q in QUANTILES},
        widening={q: summary.widening[_quantile_name(q)] for q in QUANTILES},
        past=PastScores(**_fields(f"{of}_past", PastScores, arrays)),
    )


def _booster(of: str, name: str, files: Mapping[str, bytes]) -> "Booster":
    """Return the trees of a text.

    Raises:
        PolicyMismatchError: LightGBM cannot read them.
    """
    import lightgbm

    try:
        return lightgbm.Booster(model_str=files[f"{of}_{name}.txt"].decode())
    except (lightgbm.basic.LightGBMError, UnicodeDecodeError) as error:
        message = f"{of}_{name}.txt: LightGBM cannot read it: {error}"
        raise PolicyMismatchError(message) from error
