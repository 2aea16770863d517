"""The partitions of a fleet stay few, and every bucket is in exactly one group."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.fleet.graph.partitions import (
    Partition,
    first_day,
    fleet_partitions,
    group_keys,
    group_of,
    partition_of,
)
from darkstar_pipeline.config.fleet.settings import FleetSettings

ADVISED = 25_000


@given(today=st.dates(date(2020, 1, 1), date(2060, 1, 1)), buckets=st.sampled_from([1, 16, 17, 9999]))
def test_partitions_stay_within_what_dagster_advises_whenever_and_however_many_buckets(
    today: date, buckets: int
) -> None:
    fleet = FleetSettings(buckets=buckets)
    days = (today - first_day(fleet, today)).days + 2
    assert days * len(group_keys(buckets)) <= ADVISED


def test_first_day_is_the_fleets_where_that_is_late_and_moves_once_a_year_where_it_is_not() -> None:
    late = FleetSettings.model_validate({"defaults": {"first_day": "2026-03-01"}})
    assert first_day(late, date(2026, 11, 30)) == date(2026, 3, 1)
    assert first_day(FleetSettings(), date(2026, 1, 1)) == first_day(FleetSettings(), date(2026, 12, 31))


@pytest.mark.parametrize("buckets", [1, 3, 16, 100])
def test_every_bucket_is_in_one_of_the_groups(buckets: int) -> None:
    assert {group_of(bucket, buckets) for bucket in range(buckets)} == set(group_keys(buckets))
    assert len(group_keys(buckets)) == min(16, buckets)


def test_a_group_of_another_number_of_groups_is_not_the_same_key() -> None:
    assert group_keys(8)[0] != group_keys(16)[0]


def test_a_partition_and_its_key_are_the_same_thing() -> None:
    partition = Partition("03of16", date(2026, 3, 29))
    assert partition.key == "03of16|2026-03-29"
    assert partition_of(partition.key) == partition


def test_days_are_local_and_end_with_tomorrow() -> None:
    today = date.today()  # noqa: DTZ011 - Dagster counts from the present
    partitions = fleet_partitions(FleetSettings(buckets=2), today)
    for day, there in ((today + timedelta(days=-1), True), (today + timedelta(days=9), False)):
        assert partitions.has_partition_key(Partition("00of2", day).key) is there
