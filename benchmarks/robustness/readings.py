"""True readings of random homes, damaged in one way each: how many days are read whole, graded good, and wrong.

A day is silently wrong where all its slots are read, the gate does not refuse it, and its energy is more than 1 % (and
two last digits of the sensor) from the truth. Damages that leave what another true home could have recorded
(`damages.untellable`) are counted by themselves, each with its reason. An undamaged recording must be read whole.
`DARKSTAR_DAMAGES` sets the number of seeds (20 000, in the short form 400); what is silent goes to standard error.
"""

import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.damaging.damages import damaged, untellable
from benchmarks.damaging.roads import by_day, days_that_the_gate_refuses, slots_of
from benchmarks.damaging.true_homes import DAYS, Form, recorded
from benchmarks.harness.results import Row, Scope
from darkstar_pipeline.errors import DataRefusedError

SEEDS, SHORT_SEEDS = 20_000, 400
CHUNK = 100
SHARE = 0.01


@dataclass(frozen=True)
class Outcome:
    """The outcome of one damaged recording.

    Attributes:
        seed: what it was drawn from.
        form: how it was recorded.
        damage: what was done to it.
        silent: days that are whole, good and wrong, in words.
        untellable: why nobody can tell, where that is so.
        whole_days: days of which every slot was read.
        refused: whether the sensor or file as a whole was.
    """

    seed: int
    form: Form
    damage: str
    silent: tuple[str, ...] = ()
    untellable: str = ""
    whole_days: int = 0
    refused: bool = False


def outcome_of(seed: int, folder: Path, form: Form | None = None) -> Outcome:
    """Draw a home, record it, damage the recording, and read it."""
    random = np.random.default_rng(seed)
    form = form or list(Form)[int(random.integers(len(Form)))]
    true = recorded(random, form)
    wrong = damaged(random, true)
    try:
        slots = slots_of(form, true.column, wrong.seconds, wrong.values, folder)
    except DataRefusedError:
        return Outcome(seed, form, wrong.damage, refused=True)
    read, truth = by_day(slots, true.column), true.truth.reshape(DAYS, -1).sum(axis=1)
    whole = ~np.isnan(read).any(axis=1)
    off = np.abs(read.sum(axis=1) - truth)
    suspect = np.flatnonzero(whole & (off > SHARE * truth + true.slack_kwh))
    silent: dict[str, str] = {}
    if suspect.size:
        refused = days_that_the_gate_refuses(slots, true.column)
        silent = {
            f"day {day}: {read[day].sum():.2f} for {truth[day]:.2f} kWh": untellable(
                true, wrong, int(day), float(read[day].sum())
            )
            for day in suspect
            if not refused[day]
        }
    reasons = set(silent.values())
    return Outcome(
        seed,
        form,
        wrong.damage,
        tuple(day for day, reason in silent.items() if not reason) or tuple(silent),
        "; ".join(reasons) if "" not in reasons else "",
        int(whole.sum()),
    )


def run(scope: Scope) -> list[Row]:
    """Damage and read every seed."""
    count = int(os.environ.get("DARKSTAR_DAMAGES", scope.of(SEEDS, SHORT_SEEDS)))
    chunks = [range(first, min(first + CHUNK, count)) for first in range(0, count, CHUNK)]
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
        answers = list(pool.map(_chunk, chunks))
    outcomes = [outcome for some, _ in answers for outcome in some]
    silent = [outcome for outcome in outcomes if outcome.silent and not outcome.untellable]
    for outcome in silent:
        sys.stderr.write(f"{outcome}\n")
    true = [outcome for outcome in outcomes if outcome.damage == "none"]
    lost = sum(outcome.whole_days < DAYS for outcome in true)
    damages = Counter(outcome.damage for outcome in outcomes)
    kinds = Counter(outcome.damage for outcome in silent)
    reasons = Counter(outcome.untellable for outcome in outcomes if outcome.silent and outcome.untellable)
    return [
        Row("seeds", count),
        Row("silent_errors", len(silent), "", target="0", met=not silent),
        *(Row(f"silent_of_{name}", kinds[name], f"of {damages[name]}") for name in sorted(damages) if name != "none"),
        *(Row(f"untellable: {reason}", number) for reason, number in sorted(reasons.items())),
        Row("undamaged", len(true)),
        Row("undamaged_not_read_whole", lost, "", target="0", met=lost == 0),
        Row("whole_days_of_damaged", sum(outcome.whole_days for outcome in outcomes) - DAYS * len(true)),
        Row("sensors_or_files_refused", sum(outcome.refused for outcome in outcomes)),
        Row("processor_time", round(sum(seconds for _, seconds in answers), 1), "s"),
    ]


def _chunk(seeds: range) -> tuple[list[Outcome], float]:
    """The outcomes of some seeds, and the processor time that they took [s]."""
    begun = time.process_time()
    with TemporaryDirectory() as folder:
        outcomes = [outcome_of(seed, Path(folder)) for seed in seeds]
    return outcomes, time.process_time() - begun
