"""Plans of a fleet as the service holds them."""

from pathlib import Path

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
    assert "written with 4 buckets, and fleet.buckets is 8" in wrong.problem
