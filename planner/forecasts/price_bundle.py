"""Bundles of a month's price forecast: safetensors for the weights; loading runs no code."""

from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from planner.artifacts.bundle import Bundle, Manifest, read_bundle, save_bundle
from planner.errors import PolicyMismatchError
from planner.forecasts.price_forecast import PriceFit

KIND = "prices"
FIT_VERSION = "ridge_1"
"""Raised with every change of features or targets: weights of another version are not used."""
ARRAYS = "arrays.safetensors"


class PriceFitSummary(BaseModel):
    """Summary of a fit and of the prices that it was learned from: the manifest's `details`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str = Field(default=FIT_VERSION, description="Version of the features; another one has other weights.")
    timezone: str = Field(description="Time zone of the market's days.")
    month: date = Field(description="First day of the month whose days it forecasts from; it learned from days before.")
    first_day: date = Field(description="First local day of the prices.")
    last_day: date = Field(description="Last local day of the prices.")
    metrics: dict[str, float] = Field(default_factory=dict, description="Errors of forecasts as made, by name.")


@dataclass(frozen=True, eq=False)
class LoadedPriceFit:
    """A fit read from its bundle.

    Attributes:
        fit: the weights.
        summary: its month and the prices that it was learned from.
        identity: identity of the bundle.
    """

    fit: PriceFit
    summary: PriceFitSummary
    identity: str


def save_price_fit(folder: Path, fit: PriceFit, summary: PriceFitSummary) -> Bundle:
    """Save a fit as a bundle atomically: whole or not at all."""
    from safetensors.numpy import save

    arrays = {field.name: np.ascontiguousarray(getattr(fit, field.name)) for field in fields(fit)}
    manifest = Manifest(kind=KIND, algorithm="ridge", details=summary.model_dump(mode="json"))
    return save_bundle(folder, manifest, {ARRAYS: save(arrays)})


def load_price_fit(bundle: Bundle | Path) -> LoadedPriceFit:
    """Return the fit of a bundle.

    Raises:
        PolicyMismatchError: the bundle is damaged, no price forecast, or of another version.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    whole = read_bundle(bundle, kind=KIND) if isinstance(bundle, Path) else bundle
    try:
        summary = PriceFitSummary.model_validate(whole.manifest.details)
        if summary.version != FIT_VERSION:
            message = f"made by {summary.version}, this is {FIT_VERSION}; run `darkstar train prices`"
            raise PolicyMismatchError(message)
        arrays = load(whole.files[ARRAYS])
        fit = PriceFit(**{field.name: arrays[field.name] for field in fields(PriceFit)})
    except (ValidationError, KeyError, SafetensorError) as error:
        message = f"no price forecast can be made of the bundle: {type(error).__name__}: {error}"
        raise PolicyMismatchError(message) from error
    return LoadedPriceFit(fit, summary, whole.identity)
