"""Zero-price repair, measured by injecting recorder zeros into prices: real ones of SE1-SE4, or those that ship.

Faults are put at random places of random days (fixed seed) into prices that are not zero, however close to it: one to
three isolated zeros; a run of 1-40 slots that starts and ends inside the day; 2-20 zeros, every other slot. A fault is
*clear* where its own prices and those beside it are all above 0.02 SEK/kWh. Where they are not, a recorder's zero and
the market's cannot be distinguished by these prices alone, so recall is given over all faults and over
clear ones. Recall counts slots; a slot is recalled when its zero is replaced.

A true zero that a fault runs into is part of one unbroken run of zeros with it and cannot be distinguished from it;
those are counted by themselves. `true_zero_or_negative_altered` is about all others.

The rules were chosen on 2020-2022 and Dutch prices of 2015-2025 as far as these go (they have no 15-minute market) and
are measured on 2023-2026. They hold for real markets: prices that ship are made up, and the targets are left out there.
"""

from collections.abc import Callable, Iterator
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.harness.results import Row, Scope
from benchmarks.homes.bench_homes import BenchHomes
from darkstar_pipeline.quality.price_repair import repair_prices
from env.time_grid import local_day

SEED = 20230101
DRAWS = 3
TIMEZONE = "Europe/Stockholm"
SPANS = {"2023_2026": (date(2023, 1, 1), date(2026, 8, 21)), "2020_2022": (date(2020, 1, 1), date(2022, 12, 31))}
SHORT_SPANS = {"2023_2026": (date(2026, 1, 1), date(2026, 6, 30))}
CLEAR_PRICE = 0.02  # SEK/kWh
LEAST_RECALL = 0.99
FAULTY_DAYS = 0.5  # share of days that get a fault
Slots = NDArray[np.int64]
Fault = Callable[[np.random.Generator, int], Slots]


def isolated(rng: np.random.Generator, slots: int) -> Slots:
    """Return one to three single slots inside a day of that many slots."""
    return np.sort(rng.choice(np.arange(1, slots - 1), rng.integers(1, 4), replace=False))


def run_of_zeros(rng: np.random.Generator, slots: int) -> Slots:
    """Return 1-40 consecutive slots that start and end inside the day."""
    length = int(rng.integers(1, 41))
    start = int(rng.integers(1, slots - length))
    return np.arange(start, start + length)


def alternating(rng: np.random.Generator, slots: int) -> Slots:
    """Return 2-20 slots, every other one."""
    zeros = int(rng.integers(2, 21))
    start = int(rng.integers(1, slots - 2 * zeros))
    return np.arange(start, start + 2 * zeros, 2)


FAULTS: dict[str, Fault] = {"isolated": isolated, "run": run_of_zeros, "alternating": alternating}


def run(scope: Scope) -> list[Row]:
    """Measure both spans; the rows of the earlier one end in its years. The short form has half a year of two areas."""
    areas = scope.of(scope.homes.price_areas, scope.homes.price_areas[-2:])
    rows = [Row("seed", SEED), Row("clear_above", CLEAR_PRICE, "SEK/kWh")]
    for name, span in scope.of(SPANS, SHORT_SPANS).items():
        measured = pl.concat(_measured(scope.homes, areas, *span, draws=scope.of(DRAWS, 1)))
        suffix = "" if name == "2023_2026" else f"_{name}"
        rows += [*_totals(measured, suffix), *(_recalls(measured, areas) if not suffix else [])]
    return rows


def _measured(
    homes: BenchHomes, areas: tuple[str, ...], first: date, last: date, *, draws: int
) -> Iterator[pl.DataFrame]:
    """Yield repaired prices of every area, without faults and with each kind of them, beside the truth."""
    for number, area in enumerate(areas):
        truth = _true_prices(homes, area, first, last)
        if truth.is_empty():
            continue
        yield _repaired(
            truth.with_columns(pl.lit(value=False).alias(name) for name in ("hit", "clear", "run_into")), area
        )
        for order, (kind, fault) in enumerate(FAULTS.items()):
            for draw in range(draws):
                rng = np.random.default_rng([SEED, first.year, number, order, draw])
                yield _repaired(_with_faults(truth, fault, rng), area, kind)


def _true_prices(homes: BenchHomes, area: str, first: date, last: date) -> pl.DataFrame:
    """Return `slot_start, local_day, truth` of an area; empty where it has no prices in the span."""
    slots = homes.all_prices(area).rename({"price": "truth"})
    return slots.with_columns(local_day(TIMEZONE)).filter(pl.col("local_day").is_between(first, last))


def _with_faults(truth: pl.DataFrame, fault: Fault, rng: np.random.Generator) -> pl.DataFrame:
    """Mark the slots that faults hit (`hit`), those of clear faults, and the true zeros that faults run into."""
    price = truth["truth"].to_numpy()
    day = truth["local_day"].rle_id().to_numpy()
    starts = np.flatnonzero(np.diff(day, prepend=-1))
    ends = np.append(starts[1:], len(day))
    hit, clear = np.zeros(len(day), dtype=bool), np.zeros(len(day), dtype=bool)
    for start, end in zip(starts, ends, strict=True):
        if rng.random() > FAULTY_DAYS or end - start < 90:  # noqa: PLR2004 - the record begins and breaks off mid-day
            continue
        slots = start + fault(rng, int(end - start))
        hit[slots] = price[slots] != 0
        around = np.concatenate([slots - 1, slots, slots + 1])
        clear[slots] = (price[around] > CLEAR_PRICE).all()
    marked = truth.with_columns(hit=pl.Series(hit), clear=pl.Series(clear))
    zeros = pl.col("hit") | (pl.col("truth") == 0)
    joined = pl.col("hit").any().over("local_day", zeros.rle_id().over("local_day"))
    return marked.with_columns(run_into=(pl.col("truth") == 0) & joined)


def _repaired(faulty: pl.DataFrame, area: str, kind: str = "none") -> pl.DataFrame:
    """Repair the faulty prices and return the result beside the truth."""
    raw = faulty.select(
        "slot_start",
        price=pl.when("hit").then(0.0).otherwise("truth"),
        native_minutes=pl.lit(15),
        imported_at=pl.col("slot_start"),
    )
    days = faulty["local_day"]
    result = repair_prices(raw, days[0], days[-1], TIMEZONE)
    method = result.repairs.select("slot_start", "method")
    return (
        faulty.join(result.prices.select("slot_start", "price"), on="slot_start", how="left")
        .join(method, on="slot_start", how="left")
        .with_columns(area=pl.lit(area), kind=pl.lit(kind))
    )


def _totals(measured: pl.DataFrame, suffix: str) -> list[Row]:
    """Return altered true prices, recall over all faults, and the mean error of the new prices."""
    changed = measured.filter(~pl.col("hit"), pl.col("price").ne_missing(pl.col("truth")))
    altered = changed.filter(pl.col("truth") <= 0, ~pl.col("run_into")).height
    other = changed.filter(pl.col("truth") > 0).height
    hit = measured.filter("hit")
    rows = [
        Row(f"true_zero_or_negative_altered{suffix}", altered, "slots", "0", altered == 0, applies="measured"),
        Row(f"true_positive_altered{suffix}", other, "slots", "0", other == 0, applies="measured"),
        Row(f"true_zeros_run_into{suffix}", measured.filter("run_into").height, "slots"),
        Row(f"true_zeros_run_into_altered{suffix}", changed.filter("run_into").height, "slots"),
        Row(f"faulty_slots{suffix}", hit.height, "slots"),
        _recall(f"recall{suffix}", hit),
        _recall(f"recall_clear{suffix}", hit.filter("clear")),
    ]
    error = (pl.col("price") - pl.col("truth")).abs().mean()
    errors = hit.drop_nulls("method").group_by("method").agg(error.alias("error")).sort("method")
    rows += [Row(f"mean_error_{row['method']}{suffix}", round(row["error"], 5), "SEK/kWh") for row in errors.to_dicts()]
    return rows


def _recalls(measured: pl.DataFrame, areas: tuple[str, ...]) -> list[Row]:
    """Return recall by kind and area, over all faults and over clear ones."""
    rows: list[Row] = []
    for kind in FAULTS:
        for area in areas:
            hit = measured.filter("hit", pl.col("kind") == kind, pl.col("area") == area)
            rows.append(_recall(f"recall_{kind}_{area}", hit))
            rows.append(_recall(f"recall_clear_{kind}_{area}", hit.filter("clear")))
    return rows


def _recall(figure: str, hit: pl.DataFrame) -> Row:
    share = float(hit.select(pl.col("method").is_not_null().mean()).item())
    return Row(figure, round(share, 5), target=f">= {LEAST_RECALL}", met=share >= LEAST_RECALL, applies="measured")
