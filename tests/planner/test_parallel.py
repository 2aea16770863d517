import os
from functools import partial
from pathlib import Path

import pytest

from planner.parallel import map_shards

SELF = Path("/proc/self")  # a link to the number of whatever process reads it


def test_answers_keep_the_order_of_their_shards_when_run_in_this_process() -> None:
    assert map_shards(str, [3, 1, 2], workers=1) == ["3", "1", "2"]
    assert map_shards(lambda _: os.getpid(), [7]) == [os.getpid()]  # one shard needs no pool, nor pickling
    assert map_shards(str, []) == []


@pytest.mark.slow
def test_answers_keep_the_order_of_their_shards_when_run_by_spawned_processes() -> None:
    assert map_shards(partial(round, ndigits=1), [3.14, 1.41, 2.72], workers=2) == [3.1, 1.4, 2.7]


@pytest.mark.slow
@pytest.mark.skipif(not SELF.exists(), reason="needs /proc")
def test_work_leaves_this_process_when_there_are_workers_and_shards() -> None:
    assert str(os.getpid()) not in map_shards(os.readlink, [str(SELF)] * 2, workers=2)
    assert map_shards(os.readlink, [str(SELF)] * 2, workers=1) == [str(os.getpid())] * 2


@pytest.mark.slow
def test_error_of_a_shard_reaches_the_caller_when_a_process_raised_it() -> None:
    with pytest.raises(ValueError, match="invalid literal for int"):
        map_shards(int, ["1", "x"], workers=2)
