"""A fitted Aurora: boosted trees of what the base forecast leaves, with quantiles that are calibrated.

The width of the quantiles was found when it was fitted (`aurora_fitting`); `calibration` keeps it up to date.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from env.inverter import Energy
from env.types import Integers, Mask
from planner.forecasts.calibration import PastScores, recent_widening
from planner.forecasts.features import AuroraHome, PairFeatures
from planner.forecasts.slot_series import DAY_SLOTS

if TYPE_CHECKING:
    from lightgbm import Booster

MODEL_VERSION = "aurora_2"
QUANTILES = (0.1, 0.5, 0.9)
LEAST_DAYS = 14  # days of history below which nothing is learned
DUSK = 0.03  # share of the peak below which a clear slot teaches nothing
MOST_SHARE = 1.3  # of clear sky: clouds' edges reflect
FeatureFunction = Callable[[Integers, Integers], PairFeatures]


@dataclass(frozen=True, kw_only=True)
class TargetModel:
    """Model of the load or of PV: boosted trees for the mean and the quantiles.

    Attributes:
        names: names of the features, in order.
        relative: whether the trees predict a share of the base (PV) or an addition to it (load).
        mean: trees of the expected value.
        quantiles: trees by quantile.
        widening: addition to each quantile, as a share of the width between the outer ones.
        past: scores of the quantiles on the days of the fit.
    """

    names: tuple[str, ...]
    relative: bool
    mean: "Booster"
    quantiles: dict[float, "Booster"]
    widening: dict[float, float]
    past: PastScores

    def predict_mean(self, features: PairFeatures) -> Energy:
        """Return the expected value `(n_pairs,)` [kWh]."""
        return self._energy(features, predict(self.mean, self._in_order(features)))

    def predict_quantiles(self, features: PairFeatures, widening: Energy | None = None) -> Energy:
        """Return the quantiles in ascending order.

        Args:
            features: features of the pairs of vintage and slot.
            widening: addition to each `(n_quantiles, n_pairs)`, as a share of the width; None adds `widening`.

        Returns:
            `(n_quantiles, n_pairs)` [kWh].
        """
        raw = self._raw(features)
        added = self._fixed[:, None] if widening is None else widening
        moved = raw + added * _width(raw)
        return np.sort(np.stack([self._energy(features, row) for row in moved]), axis=0)

    def recent_widening_at(
        self, home: AuroraHome, features_of: FeatureFunction, readings: Energy, vintages: Integers
    ) -> Energy:
        """Return each quantile's addition at each vintage, from the last full days `(n_quantiles, n_vintages)`.

        Args:
            home: the home.
            features_of: returns the features of pairs of midnight and slot.
            readings: readings of the target [kWh].
            vintages: slots at whose starts forecasts are made.
        """

        def score(starts: Integers) -> Energy:
            midnight, slots = first_day_pairs(starts)
            known = features_of(midnight, slots)
            target = TrainingTarget(known, slots, readings[slots], self.relative)
            scores = quantile_scores(
                target, self._raw(known), dark=is_dark(home, midnight, known, relative=self.relative)
            )
            return scores.reshape(len(QUANTILES), -1, DAY_SLOTS)

        return recent_widening(self.past, self._fixed, QUANTILES, home.series, vintages, score)

    @property
    def _fixed(self) -> Energy:
        return np.array([self.widening[q] for q in QUANTILES])

    def _raw(self, features: PairFeatures) -> Energy:
        named = self._in_order(features)
        return np.stack([predict(self.quantiles[q], named) for q in QUANTILES])

    def _in_order(self, features: PairFeatures) -> PairFeatures:
        """Return the features of the fit in their order: nan where weather is missing, without new ones."""
        if features.names == self.names:
            return features
        place = {name: column for column, name in enumerate(features.names)}
        nothing = np.full(len(features.base), np.nan)
        columns = [features.values[:, place[name]] if name in place else nothing for name in self.names]
        return PairFeatures(self.names, np.column_stack(columns), features.base)

    def _energy(self, features: PairFeatures, prediction: Energy) -> Energy:
        return as_energy(features.base, prediction, relative=self.relative)


@dataclass(frozen=True, kw_only=True)
class DayErrors:
    """Errors of midnights' expectations on days that the model was not fitted on.

    Attributes:
        load_kwh: reading - expectation by the wall clock `(n_days, DAY_SLOTS)` [kWh].
        pv_share: the same for PV as a share of clear sky `(n_days, DAY_SLOTS)`.
        clearness: expected share of the day's clear sky `(n_days,)`.
        load_day: expected load of the day `(n_days,)` [kWh].
        day_of_year: `(n_days,)`.
    """

    load_kwh: Energy
    pv_share: Energy
    clearness: Energy
    load_day: Energy
    day_of_year: Integers


@dataclass(frozen=True, kw_only=True)
class AuroraModel:
    """Forecast model of a home.

    Attributes:
        load: model of the load.
        pv: model of PV; None for a home without panels.
        errors: out-of-fold errors, from which scenarios are drawn.
        lacks: names of the external forecasts that were missing.
        load_correction: share of the correction that homes have in common (`pooled_correction`) that is in a day's
            expectation of the load, and in its errors; 0 in models fitted before 2026-11-30.
        pv_correction: the same for PV.
    """

    load: TargetModel
    pv: TargetModel | None
    errors: DayErrors
    lacks: tuple[str, ...]
    load_correction: float = 0.0
    pv_correction: float = 0.0


def as_energy(base: Energy, prediction: Energy, *, relative: bool) -> Energy:
    """Return a forecast from its base and the trees' prediction, not below 0 [kWh]."""
    if relative:
        return base * np.clip(prediction, 0.0, MOST_SHARE)
    return np.maximum(base + prediction, 0.0)


@dataclass(frozen=True)
class TrainingTarget:
    """Training rows of a target.

    Attributes:
        features: features and base of each row.
        slots: slot of each row.
        readings: reading of each row [kWh].
        relative: as in `TargetModel`.
    """

    features: PairFeatures
    slots: Integers
    readings: Energy
    relative: bool

    @property
    def labels(self) -> Energy:
        """Return the labels of the trees."""
        if self.relative:
            bright = self.features.base > 0
            share = np.divide(self.readings, self.features.base, out=np.full(len(bright), np.nan), where=bright)
            return np.clip(share, 0.0, MOST_SHARE)
        return self.readings - self.features.base

    def subset(self, chosen: Mask) -> "TrainingTarget":
        """Some of the rows."""
        known = PairFeatures(self.features.names, self.features.values[chosen], self.features.base[chosen])
        return TrainingTarget(known, self.slots[chosen], self.readings[chosen], self.relative)


def quantile_scores(target: TrainingTarget, raw: Energy, *, dark: Mask | None = None) -> Energy:
    """Return the distance of readings from each quantile, in widths `(n_quantiles, n_rows)`; nan in the dark."""
    wanted = target.labels if dark is None else np.where(dark, np.nan, target.labels)
    return (wanted - raw) / _width(raw)


def is_dark(home: AuroraHome, vintage: Integers, features: PairFeatures, *, relative: bool) -> Mask:
    """Rows whose share of clear sky means nothing: there is none."""
    return relative & (features.base <= DUSK * home.clear_sky.peak(vintage))


def predict(booster: "Booster", features: PairFeatures) -> Energy:
    """Return the sum of the trees for each pair `(n_pairs,)`."""
    return np.asarray(booster.predict(features.values, num_threads=1), dtype=np.float64)


def _width(raw: Energy) -> Energy:
    """Between the outer quantiles, of `(n_quantiles, n_rows)`."""
    return np.maximum(raw[-1] - raw[0], 1e-3)


def first_day_pairs(starts: Integers) -> tuple[Integers, Integers]:
    """Return each start with each slot of the 24 hours from it."""
    return np.repeat(starts, DAY_SLOTS), (starts[:, None] + np.arange(DAY_SLOTS)).ravel()
