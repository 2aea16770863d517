"""The resolution of a series, derived from its own stamps, and the stamps that are off its grid.

A file may change its resolution once the market or the meter did: a run of at least eight equal steps of another
allowed length is a resolution of its own, anything shorter is a gap or a stray stamp.
"""

import polars as pl

from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.parsed import REASON, Refused, object_to, raise_refusal, reason_if
from env.home_rows import HOME, by_home, per_home, with_home
from planner.wording.columns import worded

ALLOWED_MINUTES = (5, 10, 15, 30, 60)
_RUN = 8
NATIVE = "native_minutes"
_MINUTE = "_minute"


def with_resolution(
    frame: pl.DataFrame,
    file: str,
    allowed: tuple[int, ...] = ALLOWED_MINUTES,
    *,
    grid: int = 5,
    stated: int | None = None,
) -> pl.DataFrame:
    """Add `native_minutes` to rows of one home and refuse those that are off its grid; see `on_own_grid`.

    Args:
        frame: rows with `slot_start` and `_reason`, in any order.
        file: name that is reported.
        allowed: resolutions that are accepted [min].
        grid: every stamp is a multiple of this [min].
        stated: resolution that the source states [min]; None derives it.

    Raises:
        DataRefusedError: the resolution cannot be determined or is not allowed.
    """
    if stated is None:
        raise_refusal(other_resolutions(frame, file, allowed))
    return on_own_grid(frame, allowed, grid=grid, stated=stated)


def on_own_grid(
    frame: pl.DataFrame, allowed: tuple[int, ...] = ALLOWED_MINUTES, *, grid: int = 5, stated: int | None = None
) -> pl.DataFrame:
    """Add `native_minutes` and refuse, row by row, stamps that are off the grid of their resolution.

    Args:
        frame: rows with `slot_start` and `_reason`, in any order; of one home or several.
        allowed: resolutions that are accepted [min].
        grid: every stamp is a multiple of this [min].
        stated: resolution that the source states [min]; None derives each home's from its stamps.
    """
    micros = pl.col("slot_start").dt.timestamp("us")
    shown = pl.col("slot_start").dt.strftime("%Y-%m-%d %H:%M:%SZ")
    coarse = reason_if(
        micros % (grid * 60_000_000) != 0, worded("slot_start {} is not on a {}-minute grid", shown, pl.lit(grid))
    )
    timed = object_to(frame, [coarse]).with_columns((micros // 60_000_000).alias(_MINUTE))
    keys = by_home(frame, _MINUTE)
    stamps = timed.filter(pl.col(REASON).is_null()).select(keys).unique().sort(keys)
    regimes = _regimes(stamps, allowed) if stated is None else _one_regime(stamps, stated)
    joined = timed.join(regimes, on=keys, how="left", maintain_order="left")
    off = reason_if(
        pl.col("_off_grid") & pl.col(REASON).is_null(),
        worded("slot_start {} is off the {}-minute grid of the file", shown, pl.col(NATIVE)),
    )
    return object_to(joined, [off]).drop(_MINUTE, "_off_grid")


def other_resolutions(frame: pl.DataFrame, file: str, allowed: tuple[int, ...] = ALLOWED_MINUTES) -> Refused:
    """Return the homes whose usual step is not an allowed resolution, or that have no step at all.

    Args:
        frame: rows with `slot_start` and `_reason`; refused rows take no part.
        file: name that is reported.
        allowed: resolutions that are accepted [min].
    """
    good = with_home(frame.filter(pl.col(REASON).is_null()))
    instants = good.select(HOME, "slot_start").unique().sort(HOME, "slot_start")
    steps = instants.with_columns(pl.col("slot_start").diff().over(HOME).dt.total_seconds().alias("step"))
    usual = _most_frequent(steps.drop_nulls("step"), "step", HOME)
    refused = dict[str, DataRefusedError]()
    for home in instants.join(usual, on=HOME, how="anti")[HOME].unique(maintain_order=True):
        message = f"{file} has one instant only; its resolution cannot be determined"
        refused[home] = DataRefusedError(message, "import at least a day")
    others = usual.filter(~(pl.col("step") / 60).is_in([float(minutes) for minutes in allowed]))
    choices = ", ".join(str(minutes) for minutes in allowed)
    for home, step in others.iter_rows():
        message = f"{file} has a row every {step / 60:g} minutes; {choices} are read"
        refused[home] = DataRefusedError(message, f"resample it to one of {choices} minutes")
    return refused


def _most_frequent(rows: pl.DataFrame, value: str, *keys: str) -> pl.DataFrame:
    """Return the most frequent value of each group, the least of several: the keys and the value."""
    counted = rows.group_by(*keys, value).agg(pl.len().alias("_count"))
    ordered = counted.sort(*keys, "_count", value, descending=[*(False for _ in keys), True, False])
    return ordered.group_by(keys, maintain_order=True).agg(pl.col(value).first())


def _one_regime(stamps: pl.DataFrame, minutes: int) -> pl.DataFrame:
    """`native_minutes` and `_off_grid` for every stamp of a source that states its resolution [min since 1970]."""
    off_grid = (pl.col(_MINUTE) % minutes != 0).alias("_off_grid")
    return stamps.with_columns(pl.lit(minutes, pl.Int32).alias(NATIVE), off_grid)


def _regimes(stamps: pl.DataFrame, allowed: tuple[int, ...]) -> pl.DataFrame:
    """`native_minutes` and `_off_grid` for every stamp of a home [min since 1970], in order."""
    steps = with_home(stamps).with_columns(pl.col(_MINUTE).diff().shift(-1).over(HOME).alias("step"))
    known = pl.col("step").is_in(allowed)
    usual = _most_frequent(steps.filter(known), "step", HOME).rename({"step": "_usual"})
    known_steps = steps.join(usual, on=HOME, how="left", maintain_order="left").with_columns(
        pl.col("_usual").fill_null(allowed[-1]), pl.struct(HOME, "step").rle_id().alias("_run")
    )
    native = pl.when(known & (pl.len().over("_run") >= _RUN)).then(pl.col("step"))
    # The last stamp of a home has no step of its own: it is as long as the one before it.
    own = pl.when(pl.col("step").is_not_null()).then(native.fill_null(pl.col("_usual")))
    typed = known_steps.with_columns(own.alias(NATIVE)).with_columns(
        pl.col(NATIVE).forward_fill().over(HOME).fill_null(pl.col("_usual")).alias(NATIVE)
    )
    phased = typed.with_columns((pl.col(_MINUTE) % pl.col(NATIVE)).alias("_phase"))
    phases = _most_frequent(phased, "_phase", HOME, NATIVE).rename({"_phase": "_usual_phase"})
    joined = phased.join(phases, on=[HOME, NATIVE], how="left", maintain_order="left")
    off = (pl.col("_phase") != pl.col("_usual_phase")).alias("_off_grid")
    return joined.select(*by_home(stamps, _MINUTE), pl.col(NATIVE).cast(pl.Int32), off)


def resolution_notes(rows: pl.DataFrame, file: str) -> pl.DataFrame:
    """Return a note a home on the resolution of its accepted rows [`slot_start`, `native_minutes`]: `site`, `note`."""
    spans = with_home(rows).sort("slot_start").group_by(HOME, NATIVE, maintain_order=True).agg(
        pl.col("slot_start").first()
    )  # fmt: skip
    since = pl.col("slot_start").dt.strftime("%Y-%m-%d %H:%MZ")
    part = pl.when(pl.len().over(HOME) == 1).then(worded("{} minutes", NATIVE)).otherwise(
        worded("{} minutes from {}", NATIVE, since)
    )  # fmt: skip
    shown = per_home(spans.with_columns(part.alias("part")), pl.col("part").str.join(", "))
    return shown.select(HOME, worded("{}: one row every {}", pl.lit(file), "part").alias("note"))


def resolution_note(rows: pl.DataFrame, file: str) -> str:
    """Return a home's note of `resolution_notes`."""
    return str(resolution_notes(rows, file)["note"][0])
