"""Fitting Aurora: gradient-boosted trees (LightGBM), and by cross-fitting how they err on weeks they have not seen.

Three folds of whole weeks are each forecast by trees fitted on the other two. Their errors give the widths of the
quantiles (conformal prediction, Romano et al. 2019, one-sided) and the paths that scenarios are made of. What does not
belong here: forecasting with a fitted model (`aurora_model`), which imports nothing of this.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from env.inverter import Energy
from env.types import Integers, Mask
from planner.errors import TooFewDaysError
from planner.forecasts.aurora_model import (
    DUSK,
    LEAST_DAYS,
    QUANTILES,
    AuroraModel,
    DayErrors,
    FeatureFunction,
    TargetModel,
    TrainingTarget,
    as_energy,
    first_day_pairs,
    is_dark,
    predict,
    quantile_scores,
)
from planner.forecasts.calibration import PastScores, slots_since_epoch
from planner.forecasts.clear_sky import day_starts
from planner.forecasts.covered_panels import covered_slots
from planner.forecasts.features import EXPECTED_FEATURES, AuroraHome, PairFeatures
from planner.forecasts.pooled_correction import corrected_days, own_share
from planner.forecasts.slot_series import AHEAD, DAY_SLOTS, EXTERNAL_FORECASTS

if TYPE_CHECKING:
    from lightgbm import Booster

BOOSTING_ROUNDS, BOOSTING_ROUNDS_QUANTILE = 120, 80
CROSS_FITTING_FOLDS = 3
# Few leaves, many rows in each and strong regularisation: a home has some hundred days, and days are what repeats.
PARAMETERS: dict[str, Any] = {
    "num_threads": 1, "deterministic": True, "force_row_wise": True, "verbosity": -1, "learning_rate": 0.06,
    "num_leaves": 15, "min_data_in_leaf": 100, "feature_fraction": 0.6, "bagging_fraction": 0.7, "bagging_freq": 1,
    "lambda_l2": 5.0,
}  # fmt: skip


COVERED_EVERY = 5  # rows of days with covered panels of which one is learned from
LEAST_OUTAGES, OUTAGE_EVERY = 0.04, 16  # share of rows without weather below which one day in so many loses it


def training_pairs(home: AuroraHome, allowed: Mask, seed: int) -> tuple[Integers, Integers]:
    """Vintages and slots to learn from: midnights closely, the other hours and the days after tomorrow sparsely."""
    rng = np.random.default_rng(seed)
    n = len(home.series) - AHEAD
    vintages = np.arange(LEAST_DAYS * DAY_SLOTS // 2, n)
    vintages = vintages[home.series.clock[vintages] % 16 == 0]
    midnight = home.series.clock[vintages] == 0
    ahead = np.arange(AHEAD)
    kept = np.where(
        ahead < 2 * DAY_SLOTS, np.where(midnight, 0.3, 0.04)[:, None], np.where(midnight, 0.02, 0.0)[:, None]
    )
    row, lead = np.nonzero(rng.random(kept.shape) < kept)
    slots = vintages[row] + lead
    inside = slots < n
    inside[inside] = allowed[slots[inside]]
    return vintages[row][inside], slots[inside]


def fold_of(slots: Integers) -> Integers:
    """Return the fold of a slot's week."""
    return slots // (7 * DAY_SLOTS) % CROSS_FITTING_FOLDS


def fit_boosters(target: TrainingTarget, seed: int) -> tuple["Booster", dict[float, "Booster"]]:
    """Return the expected value's trees, and each quantile's."""
    import lightgbm

    # A share of a bright slot moves more energy than one of a dim slot.
    weight = target.features.base if target.relative else None

    def grown(rounds: int, weight: Energy | None, **objective: object) -> "Booster":
        data = lightgbm.Dataset(target.features.values, target.labels, weight=weight, params={"verbosity": -1})
        parameters = {**PARAMETERS, "seed": seed, **objective}
        return lightgbm.train(parameters, data, rounds)  # pyright: ignore[reportUnknownMemberType] - loosely typed there

    quantiles = {q: grown(BOOSTING_ROUNDS_QUANTILE, None, objective="quantile", alpha=q) for q in QUANTILES}
    return grown(BOOSTING_ROUNDS, weight, objective="l2"), quantiles


def fit_target(target: TrainingTarget, out_of_fold: "OutOfFoldDays", seed: int) -> TargetModel:
    """Fit a target, and find out on weeks left out how wide its quantiles have to be.

    Args:
        target: training rows of the target.
        out_of_fold: collects what each fold's trees predict of the days left out.
        seed: random seed of the trees.
    """
    fold, misses = fold_of(target.slots), [np.empty((len(QUANTILES), 0))]
    for left_out in range(CROSS_FITTING_FOLDS):
        if not (fold == left_out).any() or (fold == left_out).all():
            continue
        mean, quantiles = fit_boosters(target.subset(fold != left_out), seed)
        out_of_fold.predict_fold(left_out, mean, quantiles)
        unseen = target.subset(fold == left_out)
        misses.append(quantile_scores(unseen, np.stack([predict(quantiles[q], unseen.features) for q in QUANTILES])))
    mean, quantiles = fit_boosters(target, seed)
    missed = np.concatenate(misses, axis=1)
    return TargetModel(
        names=target.features.names,
        relative=target.relative,
        mean=mean,
        quantiles=quantiles,
        widening={q: float(np.quantile(row, q)) for q, row in zip(QUANTILES, missed, strict=True)},
        past=out_of_fold.past,
    )


def fit_aurora(home: AuroraHome, allowed: Mask, *, seed: int = 0) -> AuroraModel:
    """Return a model fitted to a home.

    Args:
        home: readings and external forecasts.
        allowed: whether each slot may be a training row `(n_slots,)`; the others are features of later ones at most.
        seed: random seed of rows and trees.

    Raises:
        TooFewDaysError: there are fewer than `LEAST_DAYS` days of readings.
    """
    readable = allowed & np.isfinite(home.series.load_kwh)
    if readable.sum() < LEAST_DAYS * DAY_SLOTS:
        message = f"{readable.sum()} slots to learn from, {LEAST_DAYS * DAY_SLOTS} needed; import more days"
        raise TooFewDaysError(message)
    vintage, slots = training_pairs(home, allowed, seed)
    days = _whole_days(home, readable)
    learned = _learned_days(home, allowed)
    load_days = OutOfFoldDays(home, home.load, days, learned, home.series.load_kwh, relative=False)
    pv_days = OutOfFoldDays(home, home.pv, days, learned, home.series.pv_kwh, relative=True)
    load = fit_target(_load_target(home, vintage, slots), load_days, seed)
    allowed_pv = np.where(allowed, home.series.pv_kwh, np.nan)
    covered = covered_slots(replace(home.series, pv_kwh=allowed_pv), home.panels)
    pv, target = None, _pv_target(home, vintage, slots, covered)
    if len(target.slots) >= DAY_SLOTS:
        pv = fit_target(target, pv_days, seed)
    else:
        pv_days.expected[:] = 0.0
    lacks = tuple(name for name in EXTERNAL_FORECASTS if name not in home.series.external)
    expected = _expected_days(home, days, load_days, pv_days)
    return AuroraModel(
        load=load,
        pv=pv,
        errors=_errors(home, days, expected),
        lacks=lacks,
        load_correction=expected.shares[0],
        pv_correction=expected.shares[1],
    )


class OutOfFoldDays:
    """Out-of-fold expectations of days, by trees that were not fitted on them.

    Args:
        home: home of the days.
        features_of: returns the features of pairs of midnight and slot.
        starts: first slots of the days.
        learned: first slots of all training days.
        readings: readings of the target [kWh].
        relative: as in `TargetModel`.
    """

    def __init__(
        self,
        home: AuroraHome,
        features_of: FeatureFunction,
        starts: Integers,
        learned: Integers,
        readings: Energy,
        *,
        relative: bool,
    ) -> None:
        midnight, slots = first_day_pairs(starts)
        self.features, self.relative = features_of(midnight, slots), relative
        self._target = TrainingTarget(self.features, slots, readings[slots], relative)
        self._dark = is_dark(home, midnight, self.features, relative=relative)
        self._fold, self._starts, self._learned = fold_of(midnight), starts, learned
        self._zero = slots_since_epoch(home.series)
        self.expected = np.full(len(slots), np.nan)
        self._scores = np.full((len(QUANTILES), len(slots)), np.nan)

    def predict_fold(self, left_out: int, mean: "Booster", quantiles: dict[float, "Booster"]) -> None:
        """Store the expectation of a fold's days by the trees that left them out."""
        rows = self._fold == left_out
        if rows.any():
            target = self._target.subset(rows)
            known = target.features
            self.expected[rows] = as_energy(known.base, predict(mean, known), relative=self.relative)
            raw = np.stack([predict(quantiles[q], known) for q in QUANTILES])
            self._scores[:, rows] = quantile_scores(target, raw, dark=self._dark[rows])

    @property
    def past(self) -> PastScores:
        """The scores of the days."""
        scores = self._scores.reshape(len(QUANTILES), -1, DAY_SLOTS).astype(np.float32)
        return PastScores(starts=self._starts + self._zero, scores=scores, learned=self._learned + self._zero)


def _learned_days(home: AuroraHome, allowed: Mask) -> Integers:
    """First slots of the days of which some slot may be learned from."""
    return np.unique(day_starts(home.series, np.flatnonzero(allowed)))


def with_outages(features: PairFeatures, vintage: Integers) -> PairFeatures:
    """Return training features in which the weather is missing on some days, where it hardly ever is.

    Trees that never saw it missing take a missing value for 0, which is a dark and freezing day.

    Args:
        features: features of the rows.
        vintage: vintage of each row.
    """
    outside = [
        column for column, name in enumerate(features.names) if name in EXTERNAL_FORECASTS or name in EXPECTED_FEATURES
    ]
    if not outside or not len(vintage):
        return features
    values, day = features.values.copy(), vintage // DAY_SLOTS
    for column in outside:
        if np.isnan(values[:, column]).mean() < LEAST_OUTAGES:
            values[day % OUTAGE_EVERY == 0, column] = np.nan
    return PairFeatures(features.names, values, features.base)


def _load_target(home: AuroraHome, vintage: Integers, slots: Integers) -> TrainingTarget:
    target = TrainingTarget(
        with_outages(home.load(vintage, slots), vintage), slots, home.series.load_kwh[slots], relative=False
    )
    return target.subset(np.isfinite(target.readings) & np.isfinite(target.features.base))


def _pv_target(home: AuroraHome, vintage: Integers, slots: Integers, covered: Mask) -> TrainingTarget:
    features = with_outages(home.pv(vintage, slots), vintage)
    target = TrainingTarget(features, slots, home.series.pv_kwh[slots], relative=True)
    bright = target.features.base > DUSK * home.clear_sky.peak(vintage)
    # Snow is no weather that an input tells: such days count less, not nothing, since it lies for days.
    left_out = covered[slots] & ((vintage // DAY_SLOTS + slots) % COVERED_EVERY != 0)
    return target.subset(np.isfinite(target.readings) & bright & ~left_out)


def _whole_days(home: AuroraHome, readable: Mask) -> Integers:
    """First slots of the days of 24 hours that may be learned from wholly, after the first week."""
    series = home.series
    starts = np.arange(7 * DAY_SLOTS, len(series) - AHEAD)
    starts = starts[series.clock[starts] == 0]
    whole = readable & (np.isfinite(series.pv_kwh) | ~np.isfinite(series.pv_kwh).any())
    inside = whole[starts[:, None] + np.arange(DAY_SLOTS)].all(axis=1)
    even = day_starts(series, np.minimum(starts + DAY_SLOTS, len(series) - 1)) == starts + DAY_SLOTS
    return starts[inside & even]


@dataclass(frozen=True)
class _ExpectedDays:
    """Out-of-fold expectations of days with what was read, each `(n_days, DAY_SLOTS)`, and the correction they take.

    Attributes:
        load: expected load, corrected [kWh].
        pv: expected PV, corrected [kWh].
        read: load and PV that were read [kWh].
        clear: clear-sky PV [kWh].
        shares: shares of the pooled correction that the days confirm, of load and of PV.
    """

    load: Energy
    pv: Energy
    read: tuple[Energy, Energy]
    clear: Energy
    shares: tuple[float, float]


def _expected_days(home: AuroraHome, days: Integers, load: OutOfFoldDays, pv: OutOfFoldDays) -> _ExpectedDays:
    shape = (-1, DAY_SLOTS)
    expected, clear = (load.expected.reshape(shape), pv.expected.reshape(shape)), pv.features.base.reshape(shape)
    ahead = days[:, None] + np.arange(DAY_SLOTS)
    read = (home.series.load_kwh[ahead], np.nan_to_num(home.series.pv_kwh[ahead], nan=0.0))
    pooled = corrected_days(home.series, days, *expected, clear)
    shares = [own_share(*each) for each in zip(expected, pooled, read, strict=True)]
    own = [
        np.maximum(raw + share * (moved - raw), 0.0) for raw, moved, share in zip(expected, pooled, shares, strict=True)
    ]
    return _ExpectedDays(own[0], own[1], read, clear, (shares[0], shares[1]))


def _errors(home: AuroraHome, days: Integers, expected: _ExpectedDays) -> DayErrors:
    clear = expected.clear
    load_error, pv_error = expected.read[0] - expected.load, expected.read[1] - expected.pv
    bright = clear > DUSK * home.clear_sky.peak(days)[:, None]
    known = np.isfinite(load_error).all(axis=1) & np.isfinite(pv_error).all(axis=1)
    return DayErrors(
        load_kwh=load_error[known],
        pv_share=np.divide(pv_error, clear, out=np.zeros(clear.shape), where=bright)[known],
        clearness=(expected.pv.sum(axis=1) / np.maximum(clear.sum(axis=1), 1e-9))[known],
        load_day=expected.load.sum(axis=1)[known],
        day_of_year=home.series.day_of_year[days][known],
    )
