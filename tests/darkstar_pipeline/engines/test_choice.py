"""The engine is the configured one, and nothing of it is touched before it is needed."""

import os
import socket

import pytest

from darkstar_pipeline.config.fleet.engine import EngineSettings
from darkstar_pipeline.engines.choice import on_engine
from darkstar_pipeline.errors import OutsideServiceError
from planner.parallel import map_shards
from tests.builders.shards import own_process, squared


def _unread() -> EngineSettings:
    raise AssertionError


def _nobody() -> EngineSettings:
    """Return the settings of a cluster that nobody has started."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return EngineSettings(kind="ray", address=f"127.0.0.1:{server.getsockname()[1]}")


def test_configuration_is_not_read_when_there_is_nothing_to_share_out() -> None:
    with on_engine(_unread):
        assert map_shards(squared, [3]) == [9]
        assert map_shards(squared, [3, 4], workers=1) == [9, 16]


def test_local_engine_works_on_as_many_shards_as_it_is_told() -> None:
    with on_engine(lambda: EngineSettings(workers=1)):
        assert map_shards(own_process, range(3)) == [os.getpid()] * 3


@pytest.mark.slow  # Ray is imported
def test_cluster_is_joined_when_the_first_shards_come_and_left_out_afterwards() -> None:
    with on_engine(_nobody):
        assert map_shards(squared, [3]) == [9]
        with pytest.raises(OutsideServiceError, match=r"engine\.address"):
            map_shards(squared, [3, 4])
    assert map_shards(squared, [3, 4], workers=1) == [9, 16]
