from datetime import date

import numpy as np
import pytest

from benchmarks import price_repair
from benchmarks.harness.results import Scope
from benchmarks.homes import measured
from benchmarks.homes.measured import MeasuredHomes
from benchmarks.homes.shipped import ShippedHomes
from benchmarks.price_repair import FAULTS, alternating, isolated, run_of_zeros


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("slots", [92, 96, 100])
def test_faults_start_and_end_inside_the_day_when_drawn(kind, slots):
    rng = np.random.default_rng(1)
    for _ in range(300):
        hit = FAULTS[kind](rng, slots)
        assert hit.min() >= 1
        assert hit.max() <= slots - 2
        assert len(set(hit.tolist())) == len(hit)


def test_faults_have_their_shape_when_drawn():
    rng = np.random.default_rng(1)
    lengths = [len(run_of_zeros(rng, 96)) for _ in range(2000)]
    assert (min(lengths), max(lengths)) == (1, 40)
    assert set(np.diff(alternating(rng, 96))) == {2}
    assert len(isolated(rng, 96)) <= 3


def test_clear_faults_are_recalled_and_true_prices_kept_when_a_year_is_measured(shared_data, monkeypatch):
    assert measured.PRICES.is_relative_to(shared_data)
    monkeypatch.setattr(price_repair, "DRAWS", 1)
    monkeypatch.setattr(price_repair, "SPANS", {"2023_2026": (date(2025, 5, 1), date(2026, 4, 30))})
    rows = {row.figure: row for row in price_repair.run(Scope(MeasuredHomes()))}
    assert rows["true_zero_or_negative_altered"].value == 0
    assert rows["true_positive_altered"].value == 0
    for figure, row in rows.items():
        if figure.startswith("recall_clear"):
            assert row.met, figure


def test_clear_faults_are_recalled_when_shipped_prices_are_repaired():
    rows = {row.figure: row for row in price_repair.run(Scope(ShippedHomes(), short=True))}
    assert rows["true_positive_altered"].value == 0
    assert float(rows["recall_clear"].value) >= 0.99
