"""Plans of a fleet as the service holds them."""

from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.planning.fleet.plan_rows import PLAN_ROWS, encoded_plans, plans_key
from darkstar_pipeline.service.fleet.plan_shelf import PlanShelf
from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake
from darkstar_pipeline.warehouse.buckets.object_store import open_store


def test_another_number_of_buckets_is_a_problem_of_the_plans(tmp_path: Path) -> None:
    store = open_store(tmp_path / "lake")
    store.put("buckets.txt", b"4\n")
    right, wrong = PlanShelf(BucketLake(store, 4)), PlanShelf(BucketLake(store, 8))
    right.refresh()
    wrong.refresh()
    assert right.problem == ""
    assert "written with fleet.buckets 4, and it is 8 now" in wrong.problem


def plans(cost: float) -> bytes:
    """A bucket's object with a home's plan."""
    own = {"site": ["home"], "cost": [cost], "plan": [bytes(range(256))]}
    every = {name: own.get(name, [None]) for name in PLAN_ROWS}
    return encoded_plans(pl.DataFrame(every, schema=PLAN_ROWS))


@pytest.mark.parametrize("place", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_damaged_plan_is_never_served(tmp_path: Path, place: float) -> None:
    lake = BucketLake(open_store(tmp_path / "lake"), 1)
    lake.store.put(plans_key(0), plans(1.0))
    held, fresh = PlanShelf(lake), PlanShelf(lake)
    held.refresh()
    data = bytearray(plans(2.0))
    data[int(place * len(data))] ^= 4
    lake.store.put(plans_key(0), bytes(data))
    held.refresh()
    fresh.refresh()
    found = held.find("home")
    assert found is not None
    assert found[0].rows["cost"].to_list() == [1.0]
    assert fresh.find("home") is None
    assert all(f"{plans_key(0)} is damaged" in shelf.problem for shelf in (held, fresh))
