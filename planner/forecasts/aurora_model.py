"""A fitted Aurora: boosted trees of what the base forecast leaves, with quantiles that are calibrated.

The width of the quantiles was found when it was fitted (`aurora_fitting`); `calibration` keeps it up to date.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from env.inverter import Energy
from planner.forecasts.calibration import PastScores, recent_widening
from planner.forecasts.features import AuroraHome, Known
from planner.forecasts.slot_series import DAY_SLOTS, Index

if TYPE_CHECKING:
    from lightgbm import Booster

MODEL_VERSION = "aurora_2"
QUANTILES = (0.1, 0.5, 0.9)
LEAST_DAYS = 14  # days of history below which nothing is learned
DUSK = 0.03  # share of the peak below which a clear slot teaches nothing
MOST_SHARE = 1.3  # of clear sky: clouds' edges reflect
Mask = NDArray[np.bool_]
Ask = Callable[[Index, Index], Known]


@dataclass(frozen=True, kw_only=True)
class TargetModel:
    """What was learned of the load or of PV.

    Attributes:
        names: features, in order.
        relative: whether it says a share of the base (PV) or an addition to it (load).
        mean: the expected value.
        quantiles: by quantile.
        widening: by quantile, what to add to it, as a share of the width between the outer ones.
        past: how the quantiles did on the days learned from.
    """

    names: tuple[str, ...]
    relative: bool
    mean: "Booster"
    quantiles: dict[float, "Booster"]
    widening: dict[float, float]
    past: PastScores

    def expected(self, known: Known) -> Energy:
        """The expected value `(n_pairs,)` [kWh]."""
        return self._energy(known, predict(self.mean, self._named(known)))

    def spread(self, known: Known, widening: Energy | None = None) -> Energy:
        """The quantiles in ascending order.

        Args:
            known: of the pairs.
            widening: what to add to each `(n_quantiles, n_pairs)`, as a share of the width; None adds `widening`.

        Returns:
            `(n_quantiles, n_pairs)` [kWh].
        """
        raw = self._raw(known)
        added = self._fixed[:, None] if widening is None else widening
        moved = raw + added * _width(raw)
        return np.sort(np.stack([self._energy(known, row) for row in moved]), axis=0)

    def recent_widening(self, home: AuroraHome, ask: Ask, read: Energy, vintages: Index) -> Energy:
        """What to add to each quantile at each vintage, by the last days that had ended `(n_quantiles, n_vintages)`.

        Args:
            home: the home.
            ask: gives features of pairs of it.
            read: readings of the target [kWh].
            vintages: slots at whose starts forecasts are made.
        """

        def score(starts: Index) -> Energy:
            midnight, slots = first_day_pairs(starts)
            known = ask(midnight, slots)
            lesson = TrainingTarget(known, slots, read[slots], self.relative)
            scores = quantile_scores(
                lesson, self._raw(known), dark=is_dark(home, midnight, known, relative=self.relative)
            )
            return scores.reshape(len(QUANTILES), -1, DAY_SLOTS)

        return recent_widening(self.past, self._fixed, QUANTILES, home.series, vintages, score)

    @property
    def _fixed(self) -> Energy:
        return np.array([self.widening[q] for q in QUANTILES])

    def _raw(self, known: Known) -> Energy:
        named = self._named(known)
        return np.stack([predict(self.quantiles[q], named) for q in QUANTILES])

    def _named(self, known: Known) -> Known:
        """The features that were learned from, in their order: nan where weather is lacking, none that is new."""
        if known.names == self.names:
            return known
        place = {name: column for column, name in enumerate(known.names)}
        nothing = np.full(len(known.base), np.nan)
        columns = [known.values[:, place[name]] if name in place else nothing for name in self.names]
        return Known(self.names, np.column_stack(columns), known.base)

    def _energy(self, known: Known, learned: Energy) -> Energy:
        return energy(known.base, learned, relative=self.relative)


@dataclass(frozen=True, kw_only=True)
class ErrorDays:
    """How midnights' expectations erred on days the model had not seen.

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
    day_of_year: Index


@dataclass(frozen=True, kw_only=True)
class AuroraModel:
    """A home's forecaster.

    Attributes:
        load: of the load.
        pv: of PV; None for a home without.
        errors: what scenarios are made of.
        lacks: outlooks it had to do without, by name.
    """

    load: TargetModel
    pv: TargetModel | None
    errors: ErrorDays
    lacks: tuple[str, ...]


def energy(base: Energy, learned: Energy, *, relative: bool) -> Energy:
    """A forecast from its base and what was learned, not below 0 [kWh]."""
    if relative:
        return base * np.clip(learned, 0.0, MOST_SHARE)
    return np.maximum(base + learned, 0.0)


@dataclass(frozen=True)
class TrainingTarget:
    """Rows to learn a target from.

    Attributes:
        known: features and base.
        slots: of each row.
        truth: what was read [kWh].
        relative: as in `TargetModel`.
    """

    known: Known
    slots: Index
    truth: Energy
    relative: bool

    @property
    def wanted(self) -> Energy:
        """What has to be learned."""
        if self.relative:
            bright = self.known.base > 0
            share = np.divide(self.truth, self.known.base, out=np.full(len(bright), np.nan), where=bright)
            return np.clip(share, 0.0, MOST_SHARE)
        return self.truth - self.known.base

    def rows(self, chosen: Mask) -> "TrainingTarget":
        """Some of the rows."""
        known = Known(self.known.names, self.known.values[chosen], self.known.base[chosen])
        return TrainingTarget(known, self.slots[chosen], self.truth[chosen], self.relative)


def quantile_scores(lesson: TrainingTarget, raw: Energy, *, dark: Mask | None = None) -> Energy:
    """How far what came is from each quantile, in widths `(n_quantiles, n_rows)`; nan in the dark."""
    wanted = lesson.wanted if dark is None else np.where(dark, np.nan, lesson.wanted)
    return (wanted - raw) / _width(raw)


def is_dark(home: AuroraHome, vintage: Index, known: Known, *, relative: bool) -> Mask:
    """Rows whose share of clear sky means nothing: there is none."""
    return relative & (known.base <= DUSK * home.clear_sky.peak(vintage))


def predict(booster: "Booster", known: Known) -> Energy:
    """Return the sum of the trees for each pair `(n_pairs,)`."""
    return np.asarray(booster.predict(known.values, num_threads=1), dtype=np.float64)


def _width(raw: Energy) -> Energy:
    """Between the outer quantiles, of `(n_quantiles, n_rows)`."""
    return np.maximum(raw[-1] - raw[0], 1e-3)


def first_day_pairs(starts: Index) -> tuple[Index, Index]:
    """Each start with each slot of the 24 hours from it."""
    return np.repeat(starts, DAY_SLOTS), (starts[:, None] + np.arange(DAY_SLOTS)).ravel()
