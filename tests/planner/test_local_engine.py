"""The engine of one machine survives killed workers, and never asks again for what failed by itself."""

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.errors import ShardFailedError, ShardLostError
from planner.parallel import map_shards
from tests.builders.shards import failing, nested, squared, squared_by_mortals, stubborn, warned

pytestmark = pytest.mark.slow  # processes are started
ATTEMPTS = 3


def _beginnings(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_only_the_shard_of_a_killed_worker_is_begun_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    told: list[tuple[int, int]] = []
    work = partial(squared_by_mortals, tmp_path, {2: ATTEMPTS - 1})
    found = map_shards(work, range(5), workers=2, progress=lambda done, of: told.append((done, of)))
    assert found == [0, 1, 4, 9, 16]
    assert told == [(done, 5) for done in range(1, 6)]
    assert _beginnings(tmp_path) == ["0-1", "1-1", "2-1", "2-2", "2-3", "3-1", "4-1"]
    assert caplog.messages == ["the worker of shard 3 of 5 (2) was killed: short of memory?"] * (ATTEMPTS - 1)


def test_a_shard_that_kills_every_worker_is_named(tmp_path: Path) -> None:
    work = partial(squared_by_mortals, tmp_path, {2: ATTEMPTS})
    with pytest.raises(ShardLostError, match=r"the worker of shard 3 of 4 \(2\) ended 3 times before it had answered"):
        map_shards(work, range(4), workers=2)


@pytest.mark.parametrize("work", [failing, stubborn])
def test_an_error_of_the_function_is_raised_at_once(work: "partial[int]", tmp_path: Path) -> None:
    with pytest.raises((ValueError, ShardFailedError), match=r"no price in shard|StubbornError: no schedule: 12 kWh"):
        map_shards(partial(work, tmp_path), range(2), workers=2)
    assert all(name.endswith("-1") for name in _beginnings(tmp_path))


def test_a_worker_keeps_in_itself_what_it_maps() -> None:
    for own, *others in map_shards(nested, [3, 3], workers=2):
        assert others == [own] * 3


@pytest.mark.thorough
@settings(max_examples=25, deadline=None)
@given(
    shards=st.lists(st.integers(0, 40), max_size=12, unique=True),
    deaths=st.dictionaries(st.integers(0, 40), st.integers(0, ATTEMPTS - 1), max_size=6),
    workers=st.integers(2, 3),
)
def test_answers_are_those_of_one_process_whoever_is_killed(
    shards: list[int], deaths: dict[int, int], workers: int
) -> None:
    with TemporaryDirectory() as folder:
        work = partial(squared_by_mortals, Path(folder), deaths if len(shards) > 1 else {})
        assert map_shards(work, shards, workers=workers) == map_shards(squared, shards, workers=1)


def test_what_many_shards_warn_of_is_told_once_a_worker(capfd: pytest.CaptureFixture[str]) -> None:
    assert map_shards(warned, range(6), workers=2) == list(range(6))
    told = capfd.readouterr().err.splitlines()
    assert told.count("all homes lack prices") in {1, 2}
    assert sorted(set(told) - {"all homes lack prices"}) == [f"home {number} lacks readings" for number in range(6)]
