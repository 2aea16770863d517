"""A fleet gives the same bytes on a cluster whose nodes are killed as in one process."""

import pytest

from benchmarks.cluster import fleet_cluster
from benchmarks.harness.results import Scope
from benchmarks.homes.shipped import ShippedHomes


@pytest.mark.thorough  # three Ray nodes, of which three are killed: a minute of processor time
def test_cluster_gives_the_bytes_of_one_process_when_its_nodes_are_killed() -> None:
    found = {row.figure: row.value for row in fleet_cluster.run(Scope(ShippedHomes(), short=True))}
    assert found["equal_to_serial"] == 1
    assert found["equal_after_killed_nodes"] == 1
    assert found["home_days"] == fleet_cluster.SHORT_HOMES * fleet_cluster.SHORT_DAYS
    assert float(found["puts_a_home_day"]) > 0
