"""The resolution of a series, derived from its own stamps, and the stamps that are off its grid.

A file may change its resolution once the market or the meter did: a run of at least eight equal steps of another
allowed length is a resolution of its own, anything shorter is a gap or a stray stamp.
"""

import polars as pl

from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.parsed import REASON, object_to, reason_if

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
    """Add `native_minutes` and refuse, row by row, stamps that are off the grid of their resolution.

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
        _refuse_other_resolution(frame.filter(pl.col(REASON).is_null())["slot_start"], file, allowed)
    micros = pl.col("slot_start").dt.timestamp("us")
    shown = pl.col("slot_start").dt.strftime("%Y-%m-%d %H:%M:%SZ")
    coarse = reason_if(
        micros % (grid * 60_000_000) != 0, pl.format("slot_start {} is not on a {}-minute grid", shown, pl.lit(grid))
    )
    timed = object_to(frame, [coarse]).with_columns((micros // 60_000_000).alias(_MINUTE))
    stamps = timed.filter(pl.col(REASON).is_null())[_MINUTE].unique().sort()
    regimes = _regimes(stamps, allowed) if stated is None else _one_regime(stamps, stated)
    joined = timed.join(regimes, on=_MINUTE, how="left", maintain_order="left")
    off = reason_if(
        pl.col("_off_grid") & pl.col(REASON).is_null(),
        pl.format("slot_start {} is off the {}-minute grid of the file", shown, pl.col(NATIVE)),
    )
    return object_to(joined, [off]).drop(_MINUTE, "_off_grid")


def _refuse_other_resolution(instants: pl.Series, file: str, allowed: tuple[int, ...]) -> None:
    """Refuse a file whose usual step is not an allowed resolution, or that has no step at all."""
    steps = instants.unique().sort().diff().drop_nulls()
    if instants.is_empty():
        return
    if steps.is_empty():
        raise DataRefusedError(
            f"{file} has one instant only; its resolution cannot be determined", "import at least a day"
        )
    usual = steps.mode().sort().dt.total_seconds()[0] / 60
    if usual not in allowed:
        choices = ", ".join(str(minutes) for minutes in allowed)
        message = f"{file} has a row every {usual:g} minutes; {choices} are read"
        raise DataRefusedError(message, f"resample it to one of {choices} minutes")


def _one_regime(stamps: pl.Series, minutes: int) -> pl.DataFrame:
    """`native_minutes` and `_off_grid` for every stamp of a source that states its resolution [min since 1970]."""
    off_grid = (pl.col(_MINUTE) % minutes != 0).alias("_off_grid")
    return pl.DataFrame({_MINUTE: stamps}).with_columns(pl.lit(minutes, pl.Int32).alias(NATIVE), off_grid)


def _regimes(stamps: pl.Series, allowed: tuple[int, ...]) -> pl.DataFrame:
    """`native_minutes` and `_off_grid` for every stamp [min since 1970]."""
    if stamps.is_empty():
        return pl.DataFrame(schema={_MINUTE: pl.Int64, NATIVE: pl.Int32, "_off_grid": pl.Boolean})
    steps = pl.DataFrame({_MINUTE: stamps}).with_columns(pl.col(_MINUTE).diff().shift(-1).alias("step"))
    steps_allowed = steps["step"].filter(steps["step"].is_in(allowed))
    usual = int(steps_allowed.mode().sort()[0]) if steps_allowed.len() else allowed[-1]
    run = pl.col("step").rle_id()
    native = pl.when(pl.col("step").is_in(allowed) & (pl.len().over(run) >= _RUN)).then(pl.col("step"))
    # The last stamp of the file has no step of its own: it is as long as the one before it.
    own = pl.when(pl.col("step").is_not_null()).then(native.fill_null(usual))
    typed = steps.with_columns(own.forward_fill().fill_null(usual).alias(NATIVE))
    phase = pl.col(_MINUTE) % pl.col(NATIVE)
    usual_phase = phase.mode().sort().first().over(NATIVE)
    return typed.select(_MINUTE, pl.col(NATIVE).cast(pl.Int32), (phase != usual_phase).alias("_off_grid"))


def resolution_note(rows: pl.DataFrame, file: str) -> str:
    """Return a note on the resolution of the accepted rows [`slot_start`, `native_minutes`]."""
    spans = rows.sort("slot_start").group_by(NATIVE, maintain_order=True).agg(pl.col("slot_start").first())
    if spans.height == 1:
        return f"{file}: one row every {spans[NATIVE][0]} minutes"
    parts = [f"{minutes} minutes from {start:%Y-%m-%d %H:%MZ}" for minutes, start in spans.iter_rows()]
    return f"{file}: one row every {', '.join(parts)}"
