"""Aurora as a bundle: LightGBM's own text for the trees, safetensors for the arrays; loading runs no code.

What a model learned from is in the manifest: its window of days, its time zone and where the panels stand, since the
same home asked with other ones would be another home.
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
from planner.forecasts.clear_sky import PvSystem

if TYPE_CHECKING:
    from lightgbm import Booster

KIND = "aurora"
ARRAYS = "arrays.safetensors"


class TargetSummary(BaseModel):
    """What the manifest says of the load's trees, or of PV's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    names: tuple[str, ...] = Field(description="features, in order")
    relative: bool = Field(description="whether the trees say a share of the base")
    widening: dict[str, float] = Field(description="what each quantile is moved by, by its name such as p10")


class TrainingSummary(BaseModel):
    """What the manifest says of the model besides: `details`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str = Field(description="of Aurora's code; another one has other features")
    timezone: str = Field(description="of the home's days")
    country: str | None = Field(default=None, description="whose public holidays counted")
    first_day: date = Field(description="first local day of its readings; forecasts read from it on too")
    last_day: date = Field(description="last local day it learned from")
    latitude: float | None = Field(default=None, description="of the panels, north positive [deg]")
    longitude: float | None = Field(default=None, description="of the panels, east positive [deg]")
    tilt: float = Field(default=30.0, description="of the panels, from the horizontal [deg]")
    azimuth: float = Field(default=180.0, description="the way they face, from north over east [deg]")
    lacks: tuple[str, ...] = Field(description="outlooks it had to do without")
    load: TargetSummary
    pv: TargetSummary | None = Field(description="null for a home without panels")
    metrics: dict[str, float | None] = Field(default_factory=dict, description="measured on days held out")


@dataclass(frozen=True, kw_only=True)
class TrainingProvenance:
    """What a model was fitted on.

    Attributes:
        timezone: of the home.
        first_day: first local day of its readings.
        last_day: last local day it learned from.
        panels: where they stand; None when that is not known.
        country: whose public holidays counted; None for none.
        metrics: measured on days held out, by name; None where it could not be.
    """

    timezone: str
    first_day: date
    last_day: date
    panels: PvSystem | None = None
    country: str | None = None
    metrics: Mapping[str, float | None]


@dataclass(frozen=True)
class LoadedAurora:
    """A model out of its bundle.

    Attributes:
        model: as it was fitted.
        learned: what it was fitted on, and what it lacks.
        identity: of the bundle.
    """

    model: AuroraModel
    summary: TrainingSummary
    identity: str

    @property
    def panels(self) -> PvSystem | None:
        """Where the panels stood that it was fitted with."""
        told = self.summary
        if told.latitude is None or told.longitude is None:
            return None
        return PvSystem(latitude=told.latitude, longitude=told.longitude, tilt=told.tilt, azimuth=told.azimuth)


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
        load=_target_summary(model.load),
        pv=None if model.pv is None else _target_summary(model.pv),
        metrics=dict(provenance.metrics),
        **panels,
    )
    arrays, files = _arrays("errors", model.errors), dict[str, bytes]()
    for of, target in (("load", model.load), ("pv", model.pv)):
        if target is not None:
            arrays |= _arrays(f"{of}_past", target.past)
            files |= _trees(of, target)
    files[ARRAYS] = save(arrays)
    manifest = Manifest(kind=KIND, algorithm="lightgbm", details=learned.model_dump(mode="json"))
    return save_bundle(folder, manifest, files)


def load_aurora(bundle: Bundle | Path) -> LoadedAurora:
    """The model of a bundle.

    Args:
        bundle: read already, or where it is.

    Raises:
        PolicyMismatchError: it is damaged, no Aurora, or of another version; says what.
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
    """Trees out of their text.

    Raises:
        PolicyMismatchError: LightGBM cannot read them.
    """
    import lightgbm

    try:
        return lightgbm.Booster(model_str=files[f"{of}_{name}.txt"].decode())
    except (lightgbm.basic.LightGBMError, UnicodeDecodeError) as error:
        message = f"{of}_{name}.txt: LightGBM cannot read it: {error}"
        raise PolicyMismatchError(message) from error
