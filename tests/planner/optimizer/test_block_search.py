from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from env.inverter import Energy
from planner.optimizer.block_scheduling import keeps_rules, moves
from planner.optimizer.block_search import cheapest_blocks
from planner.optimizer.deferrable_loads import FlexibleLoad


@st.composite
def loads(draw: st.DrawFn) -> FlexibleLoad:
    """One or two windows, a slot outside them at times, blocks under way or forbidden at first."""
    n_slots = draw(st.integers(3, 7))
    cut, gap = draw(st.integers(1, n_slots)), draw(st.integers(0, 1))
    windows = np.zeros((2, n_slots))
    windows[0, :cut], windows[1, cut + gap :] = 1, 1
    windows = windows[windows.any(axis=1)]
    energy = [draw(st.sampled_from([0.0, 0.4, 1.0, 1.7, 2.0])) for _ in windows]
    first = draw(st.integers(0, 2))
    return FlexibleLoad(
        "water",
        windows.max(axis=0),
        windows,
        np.array(energy),
        spacing_slots=draw(st.integers(2, 5)),
        may_start=(np.arange(n_slots) >= first).astype(np.float64),
        running=draw(st.booleans()),
    )


def energies(load: FlexibleLoad) -> list[tuple[Energy, list[int]]]:
    """Every way to take the energy in blocks, with its starts: written down slot by slot."""
    found: list[tuple[Energy, list[int]]] = []
    for ways in product((0, 1, 2), repeat=len(load.most_kwh)):
        energy = np.array([1.0 if way == 1 else 0.0 for way in ways])
        for window, wanted in zip(load.windows, load.energy_kwh, strict=True):
            parts = [slot for slot in np.flatnonzero(window) if ways[slot] == 2]
            if len(parts) == 1:
                energy[parts[0]] = wanted - window @ energy
        starts, on = [], load.running
        for slot, way in enumerate(ways):
            if way and not on:
                starts.append(slot)
            on = way == 1
        parted = all((energy[slot] > 0) == (way > 0) for slot, way in enumerate(ways))
        if parted and energy.max() <= 1 and keeps_rules(load, energy, np.array(starts, dtype=np.int64)):
            found.append((energy, starts))
    return found


@settings(max_examples=60)
@given(load=loads(), seed=st.integers(0, 9999))
def test_blocks_cost_least_of_all_ways_when_slots_have_any_value(load: FlexibleLoad, seed: int) -> None:
    value = np.random.default_rng(seed).uniform(-1, 1, len(load.most_kwh))
    found, every = cheapest_blocks(load, value), energies(load)
    if not every:
        assert found is None
        return
    assert found is not None
    assert keeps_rules(load, found.energy_kwh, np.flatnonzero(found.starts))
    assert found.energy_kwh @ value == pytest.approx(min(float(energy @ value) for energy, _ in every))


def test_blocks_keep_their_distance_when_a_window_between_asks_for_nothing() -> None:
    windows = np.zeros((3, 9))
    windows[0, :2], windows[1, 2:4], windows[2, 4:] = 1, 1, 1
    load = FlexibleLoad("water", np.ones(9), windows, np.array([1.0, 0.0, 1.0]), spacing_slots=5)
    found = cheapest_blocks(load, np.array([2.0, 1, 0, 0, 0.1, 0.2, 0.3, 0.4, 0.5]))
    assert found is not None
    assert np.flatnonzero(found.starts).tolist() == [1, 6]


@settings(max_examples=60)
@given(load=loads(), seed=st.integers(0, 9999))
def test_moves_keep_the_rules_and_differ_when_blocks_are_given(load: FlexibleLoad, seed: int) -> None:
    found = cheapest_blocks(load, np.random.default_rng(seed).uniform(-1, 1, len(load.most_kwh)))
    assume(found is not None)
    assert found is not None
    for moved in moves(load, found):
        assert keeps_rules(load, moved.energy_kwh, np.flatnonzero(moved.starts))
        assert (moved.energy_kwh != found.energy_kwh).any()


@pytest.mark.parametrize(
    ("energy", "starts", "kept"),
    [
        pytest.param([1.0, 0.5, 0, 0, 0, 0], [0], True, id="one block"),
        pytest.param([0.5, 1.0, 0, 0, 0, 0], [0], False, id="not full before it goes on"),
        pytest.param([1.0, 0, 0, 0.5, 0, 0], [0, 3], True, id="three slots apart"),
        pytest.param([1.0, 0, 0.5, 0, 0, 0], [0, 2], False, id="two slots apart"),
        pytest.param([1.0, 0, 0, 0.5, 0, 0], [0], False, id="a block that starts nowhere"),
        pytest.param([1.0, 0.5, 0, 0, 0, 0], [0, 4], False, id="a start of nothing"),
        pytest.param([1.0, 0.4, 0, 0, 0, 0], [0], False, id="too little"),
        pytest.param([1.5, 0, 0, 0, 0, 0], [0], False, id="more than its power"),
    ],
)
def test_rules_are_kept_or_not_when_read_by_a_person(energy: list[float], starts: list[int], *, kept: bool) -> None:
    load = FlexibleLoad("water", np.ones(6), np.ones((1, 6)), np.array([1.5]), spacing_slots=3)
    assert keeps_rules(load, np.array(energy), np.array(starts, dtype=np.int64)) is kept


def test_no_blocks_are_found_when_the_energy_does_not_fit() -> None:
    load = FlexibleLoad("water", np.ones(4), np.ones((1, 4)), np.array([4.5]), spacing_slots=2)
    assert cheapest_blocks(load, np.ones(4)) is None
