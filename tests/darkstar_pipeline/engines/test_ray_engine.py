"""Shards on Ray give the answers of one process, whatever happens to workers and nodes."""

from collections.abc import Generator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from darkstar_pipeline.engines.ray_engine import RayEngine
from planner.errors import ShardFailedError, ShardLostError
from planner.parallel import map_shards, running_on
from tests.builders.ray_cluster import Nodes, cluster
from tests.builders.shards import failing, nested, slowly_squared, squared, squared_by_mortals, stubborn

pytestmark = [pytest.mark.slow, pytest.mark.thorough, pytest.mark.filterwarnings("ignore")]
ATTEMPTS = 3
N_SHARDS = 24
BALLAST = 200_000  # more than travels with a task: a worker of a node that hangs waits for it for ever
STALL_SECONDS = 30.0


@pytest.fixture(scope="module")
def nodes() -> Generator[Nodes]:
    with cluster() as started, RayEngine(started.address) as engine, running_on(engine):
        yield started


def test_answers_keep_the_order_of_their_shards(nodes: Nodes) -> None:
    told: list[tuple[int, int]] = []
    assert nodes.address
    found = map_shards(squared, range(9, 0, -1), progress=lambda done, of: told.append((done, of)))
    assert found == [each**2 for each in range(9, 0, -1)]
    assert told == [(done, 9) for done in range(1, 10)]


@pytest.mark.usefixtures("nodes")
def test_a_worker_keeps_in_itself_what_it_maps() -> None:
    for own, *others in map_shards(nested, [3, 3]):
        assert others == [own] * 3


@pytest.mark.usefixtures("nodes")
@pytest.mark.parametrize("work", [failing, stubborn])
def test_an_error_of_the_function_is_raised_as_it_is_and_never_asked_for_again(
    work: "partial[int]", tmp_path: Path
) -> None:
    with pytest.raises(
        (ValueError, ShardFailedError), match=r"^(no price in shard \d|StubbornError: no schedule: 12 kWh)"
    ):
        map_shards(partial(work, tmp_path), range(2))
    assert all(path.name.endswith("-1") for path in tmp_path.iterdir())


@pytest.mark.usefixtures("nodes")
def test_the_shard_of_a_killed_worker_is_begun_again(tmp_path: Path) -> None:
    work = partial(squared_by_mortals, tmp_path, {2: ATTEMPTS - 1, 5: 1})
    assert map_shards(work, range(8)) == [each**2 for each in range(8)]


@pytest.mark.usefixtures("nodes")
def test_a_shard_that_kills_every_worker_is_named(tmp_path: Path) -> None:
    work = partial(squared_by_mortals, tmp_path, {2: ATTEMPTS})
    with pytest.raises(ShardLostError, match=r"the worker of shard 3 of 4 \(2\) ended 3 times"):
        map_shards(work, range(4))


@pytest.mark.parametrize(
    ("loss", "seed", "ballast"),
    [
        (Nodes.kill, 1, 0),
        (Nodes.kill, 2, 0),
        (Nodes.kill, 3, BALLAST),
        (Nodes.cut_off, 4, 0),
        (Nodes.cut_off, 5, BALLAST),
    ],
)
def test_answers_are_those_of_one_process_when_a_node_is_lost(
    loss: "partial[None]", seed: int, ballast: int, nodes: Nodes
) -> None:
    after = int(np.random.default_rng(seed).integers(1, N_SHARDS - 4))

    def lose(done: int, _: int) -> None:
        if done == after:
            loss(nodes)

    with RayEngine(nodes.address, deadline_seconds=STALL_SECONDS) as engine, running_on(engine):
        work = partial(slowly_squared, ballast=bytes(ballast))
        found = map_shards(work, range(N_SHARDS), progress=lose)
    nodes.replace()
    assert found == [squared(each) for each in range(N_SHARDS)]
