"""Zeros that a recorder wrote, distinguished from zeros that the market paid.

A run of zeros is examined together with the missing slots it touches, inside its local day only. It is a recorder's
where (`near` is the price that counts as near zero)

- *market hour*: the market is hourly and other slots of that hour have a price; that is certain;
- *both ends*: the run's first and its last hour are both such hours, with three or more zeros between them;
- *one end*: one of them is, both neighbours are of one sign and further than `near` from zero, and the other
  neighbour is clear of zero or is not on its way there;
- *neighbours*: no hour speaks, both neighbours are positive and further than `near` from zero, and, unless the market
  is surely quarter-hourly, neither is on its way to zero or the day has lower prices elsewhere (a true zero is the
  bottom of a valley, and the valley has slopes);
- *edge of the day*: one neighbour, the whole day well away from zero, and the neighbour not on its way there;
- *second source*: the other source has a price there.

Everything else stays: prices that come close to zero, change their sign across the run, or run along below zero do have
true zeros between them. How the limits were chosen and what they reach: `docs/data_quality.md`.
"""

import polars as pl

from darkstar_pipeline.quality.market_hours import DAY, SLOTS_PER_HOUR
from planner.wording.columns import worded

NEAR_ZERO = 0.015
"""Prices up to here are near zero [SEK/kWh].

Of the true zero runs in SE1-SE4 2020-2026 that pass the other conditions, the one furthest from its neighbours has
0.0137 beside it where the market is quarter-hourly, 0.0117 where it is hourly.
"""
EDGE_CLEAR = 2.5
"""At the edge of a day there is one neighbour only; it and the whole day must be this many times further from zero."""
CLEAR = 5.0
"""A neighbour this many times further is clear of zero: 1.5 % of the neighbours of true zero runs in SE1-SE4 are."""
STEEPEST = 0.75
"""On its way to zero: fell, in one step of the hour before, by more than this share of what is left."""
LOWER_ELSEWHERE = 0.15
"""Share of a day's prices closer to zero than both neighbours from which the run is no valley of that day."""
LEAST_BOTH_ENDS = 3
"""Zeros in the two part hours together: single zeros on both sides of a true zero hour are 1 + 1."""
NEAR_ZERO_SHARE = 0.03
"""The same as a share of a day's usual price, where the worth of the currency is not known: 0.015 of 0.5 SEK/kWh."""
SOURCES_AGREE = 1 / 15
"""Two sources that differ by no more agree [share of what is near zero]: rounding, 0.001 SEK/kWh."""
UNKNOWN_SHARE = 0.5
"""At the edge of a day, at least this share of its slots must have a price."""

REASONS = ("second_source", "market_hour", "both_ends", "one_end", "neighbours", "edge")


def with_recorder_zeros(frame: pl.DataFrame, near: float | None = NEAR_ZERO) -> pl.DataFrame:
    """Mark the zeros that a recorder wrote, with the evidence.

    Args:
        frame: `with_market_hours` of whole days, ascending, with `second` [money/kWh, null where unknown].
        near: prices up to here are near zero [money/kWh]; None: a share of the day's usual price.

    Returns:
        The frame with `recorder_zero` and `evidence` (null where there is none).
    """
    frame_with_neighbours = _with_neighbours(frame)
    bound = _share_of_usual_price() if near is None else pl.lit(near)
    agree = bound * SOURCES_AGREE
    proofs = _proofs(bound)
    zero = (pl.col("price") == 0).fill_null(value=False)
    other = pl.col("second").abs()
    confirmed = (other <= agree).fill_null(value=False)
    marked_zeros = frame_with_neighbours.with_columns(
        _second_source=zero & (other > agree).fill_null(value=False),
        **{f"_{name}": zero & ~confirmed & proof.fill_null(value=False) for name, proof in proofs.items()},
    ).with_columns(recorder_zero=pl.any_horizontal(f"_{name}" for name in REASONS))
    return marked_zeros.with_columns(evidence=_evidence()).select(*frame.columns, "recorder_zero", "evidence")


def _share_of_usual_price() -> pl.Expr:
    price = pl.col("price").abs()
    return price.filter(price > 0).median().over(DAY) * NEAR_ZERO_SHARE


def _with_neighbours(frame: pl.DataFrame) -> pl.DataFrame:
    """Add, for every slot, what stands before (`b_`) and after (`a_`) the run of unknown slots it is in."""
    known = pl.coalesce(pl.when(pl.col("price") != 0).then(pl.col("price")), pl.col("hour_price"))
    part = ((pl.col("price") == 0) & pl.col("hour_price").is_not_null()).fill_null(value=False)
    size = pl.col("_known").abs()
    near_first = frame.with_columns(_known=known, _part=part).with_columns(
        _part_zeros=pl.len().over(DAY, pl.col("_part").rle_id().over(DAY)) * pl.col("_part"),
        _rank=size.rank("min").over(DAY) - 1,
        _drop=(size.shift(1) - size).over(DAY),
        _rise=(size.shift(-1) - size).over(DAY),
        _unknown=pl.col("_known").is_null(),
    )
    marked = near_first.with_columns(
        _steep_b=_gentle("_drop", "_unknown", size, forward=True),
        _steep_a=_gentle("_rise", "_unknown", size, forward=False),
    )
    return marked.with_columns(*_carried("b", forward=True), *_carried("a", forward=False)).with_columns(
        _least=size.min().over(DAY),
        _prices=size.count().over(DAY),
        _slots=pl.len().over(DAY),
        _zeros=pl.len().over(DAY, pl.col("_unknown").rle_id().over(DAY)),
    )


def _gentle(step: str, unknown: str, size: pl.Expr, *, forward: bool) -> pl.Expr:
    """Return whether the hour of prices beyond a slot is known whole and takes no steep step towards zero."""
    steps, gaps = pl.col(step), pl.col(unknown).cast(pl.Int32)
    if not forward:
        steps, gaps = steps.reverse(), gaps.reverse()
    steepest = steps.rolling_max(SLOTS_PER_HOUR, min_samples=1)
    holes = gaps.rolling_sum(SLOTS_PER_HOUR + 1, min_samples=1)
    if not forward:
        steepest, holes = steepest.reverse(), holes.reverse()
    steepest, holes = steepest.over(DAY), holes.over(DAY)
    return (steepest.fill_null(0.0) < STEEPEST * size) & (holes == 0)


def _carried(side: str, *, forward: bool) -> list[pl.Expr]:
    """Carry the values of the nearest known slot of the day into the unknown slots."""
    names = {"price": "_known", "zeros": "_part_zeros", "rank": "_rank", "gentle": f"_steep_{side}"}

    def carry(column: str) -> pl.Expr:
        value = pl.when(~pl.col("_unknown")).then(pl.col(column))
        return (value.forward_fill() if forward else value.backward_fill()).over(DAY)

    return [carry(column).alias(f"{side}_{name}") for name, column in names.items()]


def _proofs(near: pl.Expr) -> dict[str, pl.Expr]:
    """Return the proofs that need no second source, for the slots of a run of zeros and missing slots."""
    before, after = pl.col("b_price"), pl.col("a_price")
    least = pl.min_horizontal(before.abs(), after.abs())
    inner = before.is_not_null() & after.is_not_null() & pl.col("_unknown")
    part_b, part_a = pl.col("b_zeros") > 0, pl.col("a_zeros") > 0
    far = inner & (least > near)
    both_positive = (before > 0) & (after > 0)
    return {
        "market_hour": pl.col("_part"),
        "both_ends": inner & part_b & part_a & (pl.col("b_zeros") + pl.col("a_zeros") >= LEAST_BOTH_ENDS),
        "one_end": far
        & (before.sign() == after.sign())
        & (part_b | part_a)
        & (part_b | pl.col("b_gentle") | (before.abs() > near * CLEAR))
        & (part_a | pl.col("a_gentle") | (after.abs() > near * CLEAR)),
        "neighbours": far & both_positive & ~part_b & ~part_a & (pl.col("quarterly") | _no_valley()),
        "edge": _edge(near),
    }


def _no_valley() -> pl.Expr:
    """Neither neighbour is on its way to zero, or the day has lower prices elsewhere."""
    lower = pl.min_horizontal("b_rank", "a_rank") / pl.col("_prices")
    return (pl.col("b_gentle") & pl.col("a_gentle")) | (lower >= LOWER_ELSEWHERE)


def _edge(near: pl.Expr) -> pl.Expr:
    """A run that touches the day's start or end, on a day that is well away from zero throughout."""
    before, after = pl.col("b_price"), pl.col("a_price")
    only = pl.coalesce(before, after)
    proven = pl.max_horizontal("b_zeros", "a_zeros") > 0
    gentle = pl.coalesce("b_gentle", "a_gentle")
    known = pl.col("_prices") >= UNKNOWN_SHARE * pl.col("_slots")
    one_sided = pl.col("_unknown") & (before.is_null() != after.is_null())
    away = (only > 0) & (pl.col("_least") > near * EDGE_CLEAR)
    return one_sided & away & known & (proven | gentle)


def _evidence() -> pl.Expr:
    """Return the strongest proof in words."""
    before, after = pl.col("b_price").round(5), pl.col("a_price").round(5)
    hour = pl.col("slot_start").dt.truncate("1h").dt.strftime("%H:%M")
    length = pl.col("_zeros") + pl.col("b_zeros").fill_null(0) + pl.col("a_zeros").fill_null(0)
    beside = pl.coalesce("b_price", "a_price").round(5)
    words = {
        "second_source": worded("zero, but the second source says {}", pl.col("second").round(5)),
        "market_hour": worded("zero, but the market hour {} UTC is at {}", hour, pl.col("hour_price").round(5)),
        "both_ends": worded("{} slots of zeros begin and end inside market hours at {} and {}", length, before, after),
        "one_end": worded("{} slots of zeros between {} and {}, cutting a market hour", length, before, after),
        "neighbours": worded("{} slots of zeros between {} and {}", length, before, after),
        "edge": worded("{} slots of zeros at the day's edge beside {}, no price near zero", length, beside),
    }
    return pl.coalesce(pl.when(pl.col(f"_{name}")).then(words[name]) for name in REASONS)
