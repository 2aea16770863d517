"""Aurora's learning: gradient-boosted trees (LightGBM) for what the base forecast leaves, with honest uncertainty.

Three folds of whole weeks say how the model errs on weeks it has not seen. From these errors come the widths of the
quantiles (conformal prediction, Romano et al. 2019, one-sided), which `aurora_calibration` keeps up to date, and the
paths that scenarios are made of.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from env.inverter import Energy
from planner.forecasts.calibration import PastScores, recent_widening, since_epoch
from planner.forecasts.clear_sky import day_starts
from planner.forecasts.features import AuroraHome, Known
from planner.forecasts.slot_series import AHEAD, DAY_SLOTS, OUTLOOK, Index

if TYPE_CHECKING:
    from lightgbm import Booster

MODEL_VERSION = "aurora_2"
QUANTILES = (0.1, 0.5, 0.9)
FOLDS = 3
LEAST_DAYS = 14  # days of history below which nothing is learned
ROUNDS, QUANTILE_ROUNDS = 120, 80
DUSK = 0.03  # share of the peak below which a clear slot teaches nothing
MOST_SHARE = 1.3  # of clear sky: clouds' edges reflect
Mask = NDArray[np.bool_]
Ask = Callable[[Index, Index], Known]
# Few leaves, many rows in each and strong regularisation: a home has some hundred days, and days are what repeats.
PARAMETERS: dict[str, Any] = {
    "num_threads": 1, "deterministic": True, "force_row_wise": True, "verbosity": -1, "learning_rate": 0.06,
    "num_leaves": 15, "min_data_in_leaf": 100, "feature_fraction": 0.6, "bagging_fraction": 0.7, "bagging_freq": 1,
    "lambda_l2": 5.0,
}  # fmt: skip


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
        return self._energy(known, _predict(self.mean, self._named(known)))

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
            midnight, slots = _first_day(starts)
            known = ask(midnight, slots)
            lesson = Lesson(known, slots, read[slots], self.relative)
            scores = _scores(lesson, self._raw(known), dark=_dark(home, midnight, known, relative=self.relative))
            return scores.reshape(len(QUANTILES), -1, DAY_SLOTS)

        return recent_widening(self.past, self._fixed, QUANTILES, home.series, vintages, score)

    @property
    def _fixed(self) -> Energy:
        return np.array([self.widening[q] for q in QUANTILES])

    def _raw(self, known: Known) -> Energy:
        named = self._named(known)
        return np.stack([_predict(self.quantiles[q], named) for q in QUANTILES])

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


def training_pairs(home: AuroraHome, allowed: Mask, seed: int) -> tuple[Index, Index]:
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


def fold_of(slots: Index) -> Index:
    """The fold of a slot's week."""
    return slots // (7 * DAY_SLOTS) % FOLDS


@dataclass(frozen=True)
class Lesson:
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

    def rows(self, chosen: Mask) -> "Lesson":
        """Some of the rows."""
        known = Known(self.known.names, self.known.values[chosen], self.known.base[chosen])
        return Lesson(known, self.slots[chosen], self.truth[chosen], self.relative)


def fit_boosters(lesson: Lesson, seed: int) -> tuple["Booster", dict[float, "Booster"]]:
    """The expected value's trees, and each quantile's."""
    import lightgbm

    # A share of a bright slot moves more energy than one of a dim slot.
    weight = lesson.known.base if lesson.relative else None

    def grown(rounds: int, weight: Energy | None, **objective: object) -> "Booster":
        data = lightgbm.Dataset(lesson.known.values, lesson.wanted, weight=weight, params={"verbosity": -1})
        parameters = {**PARAMETERS, "seed": seed, **objective}
        return lightgbm.train(parameters, data, rounds)  # pyright: ignore[reportUnknownMemberType] - loosely typed there

    quantiles = {q: grown(QUANTILE_ROUNDS, None, objective="quantile", alpha=q) for q in QUANTILES}
    return grown(ROUNDS, weight, objective="l2"), quantiles


def learn(lesson: Lesson, days: "_Days", seed: int) -> TargetModel:
    """Fit a target, and find out on weeks left out how wide its quantiles have to be.

    Args:
        lesson: rows to learn from.
        days: days that are asked of each fold's trees that have not seen them.
        seed: of the trees.
    """
    fold, misses = fold_of(lesson.slots), [np.empty((len(QUANTILES), 0))]
    for left_out in range(FOLDS):
        if not (fold == left_out).any() or (fold == left_out).all():
            continue
        mean, quantiles = fit_boosters(lesson.rows(fold != left_out), seed)
        days.ask(left_out, mean, quantiles)
        unseen = lesson.rows(fold == left_out)
        misses.append(_scores(unseen, np.stack([_predict(quantiles[q], unseen.known) for q in QUANTILES])))
    mean, quantiles = fit_boosters(lesson, seed)
    missed = np.concatenate(misses, axis=1)
    return TargetModel(
        names=lesson.known.names,
        relative=lesson.relative,
        mean=mean,
        quantiles=quantiles,
        widening={q: float(np.quantile(row, q)) for q, row in zip(QUANTILES, missed, strict=True)},
        past=days.past,
    )


def _scores(lesson: Lesson, raw: Energy, *, dark: Mask | None = None) -> Energy:
    """How far what came is from each quantile, in widths `(n_quantiles, n_rows)`; nan in the dark."""
    wanted = lesson.wanted if dark is None else np.where(dark, np.nan, lesson.wanted)
    return (wanted - raw) / _width(raw)


def _dark(home: AuroraHome, vintage: Index, known: Known, *, relative: bool) -> Mask:
    """Rows whose share of clear sky means nothing: there is none."""
    return relative & (known.base <= DUSK * home.clear_sky.peak(vintage))


def _predict(booster: "Booster", known: Known) -> Energy:
    return np.asarray(booster.predict(known.values, num_threads=1), dtype=np.float64)


def _width(raw: Energy) -> Energy:
    """Between the outer quantiles, of `(n_quantiles, n_rows)`."""
    return np.maximum(raw[-1] - raw[0], 1e-3)


def _first_day(starts: Index) -> tuple[Index, Index]:
    """Each start with each slot of the 24 hours from it."""
    return np.repeat(starts, DAY_SLOTS), (starts[:, None] + np.arange(DAY_SLOTS)).ravel()


def fit_aurora(home: AuroraHome, allowed: Mask, *, seed: int = 0) -> AuroraModel:
    """Learn a home.

    Args:
        home: readings and outlook.
        allowed: which slots may be learned from `(n_slots,)`; the others are features of later ones at most.
        seed: of rows and trees.

    Raises:
        ValueError: there are fewer than `LEAST_DAYS` days to learn from.
    """
    readable = allowed & np.isfinite(home.series.load_kwh)
    if readable.sum() < LEAST_DAYS * DAY_SLOTS:
        message = f"{readable.sum()} slots to learn from, {LEAST_DAYS * DAY_SLOTS} needed; import more days"
        raise ValueError(message)
    vintage, slots = training_pairs(home, allowed, seed)
    days = _whole_days(home, readable)
    learned = _learned_days(home, allowed)
    load_days = _Days(home, home.load, days, learned, home.series.load_kwh, relative=False)
    pv_days = _Days(home, home.pv, days, learned, home.series.pv_kwh, relative=True)
    load = learn(_load_lesson(home, vintage, slots), load_days, seed)
    pv, lesson = None, _pv_lesson(home, vintage, slots)
    if len(lesson.slots) >= DAY_SLOTS:
        pv = learn(lesson, pv_days, seed)
    else:
        pv_days.expected[:] = 0.0
    lacks = tuple(name for name in OUTLOOK if name not in home.series.outlook)
    return AuroraModel(load=load, pv=pv, errors=_errors(home, days, load_days, pv_days), lacks=lacks)


class _Days:
    """Days, and what trees that have not seen them expect of each.

    Args:
        home: whose days.
        ask: gives features of pairs.
        starts: first slots of the days.
        learned: first slots of all days that are learned from.
        read: readings of the target [kWh].
        relative: as in `TargetModel`.
    """

    def __init__(
        self, home: AuroraHome, ask: Ask, starts: Index, learned: Index, read: Energy, *, relative: bool
    ) -> None:
        midnight, slots = _first_day(starts)
        self.known, self.relative = ask(midnight, slots), relative
        self._lesson = Lesson(self.known, slots, read[slots], relative)
        self._dark = _dark(home, midnight, self.known, relative=relative)
        self._fold, self._starts, self._learned = fold_of(midnight), starts, learned
        self._zero = since_epoch(home.series)
        self.expected = np.full(len(slots), np.nan)
        self._scores = np.full((len(QUANTILES), len(slots)), np.nan)

    def ask(self, left_out: int, mean: "Booster", quantiles: dict[float, "Booster"]) -> None:
        """Take in what the trees of a fold expect of its days."""
        rows = self._fold == left_out
        if rows.any():
            lesson = self._lesson.rows(rows)
            known = lesson.known
            self.expected[rows] = energy(known.base, _predict(mean, known), relative=self.relative)
            raw = np.stack([_predict(quantiles[q], known) for q in QUANTILES])
            self._scores[:, rows] = _scores(lesson, raw, dark=self._dark[rows])

    @property
    def past(self) -> PastScores:
        """The scores of the days."""
        scores = self._scores.reshape(len(QUANTILES), -1, DAY_SLOTS).astype(np.float32)
        return PastScores(starts=self._starts + self._zero, scores=scores, learned=self._learned + self._zero)


def _learned_days(home: AuroraHome, allowed: Mask) -> Index:
    """First slots of the days of which some slot may be learned from."""
    return np.unique(day_starts(home.series, np.flatnonzero(allowed)))


def _load_lesson(home: AuroraHome, vintage: Index, slots: Index) -> Lesson:
    lesson = Lesson(home.load(vintage, slots), slots, home.series.load_kwh[slots], relative=False)
    return lesson.rows(np.isfinite(lesson.truth) & np.isfinite(lesson.known.base))


def _pv_lesson(home: AuroraHome, vintage: Index, slots: Index) -> Lesson:
    lesson = Lesson(home.pv(vintage, slots), slots, home.series.pv_kwh[slots], relative=True)
    bright = lesson.known.base > DUSK * home.clear_sky.peak(vintage)
    return lesson.rows(np.isfinite(lesson.truth) & bright)


def _whole_days(home: AuroraHome, readable: Mask) -> Index:
    """First slots of the days of 24 hours that may be learned from wholly, after the first week."""
    series = home.series
    starts = np.arange(7 * DAY_SLOTS, len(series) - AHEAD)
    starts = starts[series.clock[starts] == 0]
    whole = readable & (np.isfinite(series.pv_kwh) | ~np.isfinite(series.pv_kwh).any())
    inside = whole[starts[:, None] + np.arange(DAY_SLOTS)].all(axis=1)
    even = day_starts(series, np.minimum(starts + DAY_SLOTS, len(series) - 1)) == starts + DAY_SLOTS
    return starts[inside & even]


def _errors(home: AuroraHome, days: Index, load: _Days, pv: _Days) -> ErrorDays:
    shape = (-1, DAY_SLOTS)
    load_day, pv_day, clear = load.expected.reshape(shape), pv.expected.reshape(shape), pv.known.base.reshape(shape)
    ahead = days[:, None] + np.arange(DAY_SLOTS)
    load_error = home.series.load_kwh[ahead] - load_day
    pv_error = np.nan_to_num(home.series.pv_kwh[ahead], nan=0.0) - pv_day
    bright = clear > DUSK * home.clear_sky.peak(days)[:, None]
    known = np.isfinite(load_error).all(axis=1) & np.isfinite(pv_error).all(axis=1)
    return ErrorDays(
        load_kwh=load_error[known],
        pv_share=np.divide(pv_error, clear, out=np.zeros(clear.shape), where=bright)[known],
        clearness=(pv_day.sum(axis=1) / np.maximum(clear.sum(axis=1), 1e-9))[known],
        load_day=load_day.sum(axis=1)[known],
        day_of_year=home.series.day_of_year[days][known],
    )
