"""A cluster that is joined from outside, by Ray's client server: the same bytes, and errors with a remedy."""

import sys
from collections.abc import Callable, Generator
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from darkstar_pipeline.engines.ray_connection import ray_module
from darkstar_pipeline.engines.ray_engine import RayEngine
from darkstar_pipeline.errors import ConfigurationError, OutsideServiceError
from darkstar_pipeline.sample.fleet.areas import fleet_section
from planner.parallel import map_shards, running_on
from tests.builders.command_line import run_darkstar
from tests.builders.ray_head import Head, ray_head
from tests.builders.shards import SENT_BYTES, large, slowly_squared, squared, unreachable

pytestmark = [pytest.mark.slow, pytest.mark.thorough, pytest.mark.filterwarnings("ignore")]
HOMES, BUCKETS = 6, 3


@pytest.fixture(scope="module")
def head() -> Generator[Head]:
    with ray_head() as started:
        yield started


@pytest.fixture
def joined(head: Head) -> Generator[Head]:
    with RayEngine(head.address) as engine, running_on(engine):
        yield head


@pytest.fixture
def module_of_here() -> Generator[Callable[[int], int]]:
    """A function of a module that this process alone has."""
    module = ModuleType("only_here")
    module.__spec__ = ModuleSpec("only_here", None)
    exec("def doubled(shard): return 2 * shard", module.__dict__)  # noqa: S102 - two lines above
    sys.modules[module.__name__] = module
    yield module.doubled
    del sys.modules[module.__name__]


def objects(folder: Path, engine: dict[str, object]) -> dict[str, bytes]:
    """The lake of a synthetic fleet that was worked on by an engine."""
    folder.mkdir()
    fleet = {**fleet_section(HOMES), "buckets": BUCKETS, "lake": str(folder / "lake")}
    (folder / "darkstar.yaml").write_text(yaml.safe_dump({"engine": engine, "fleet": fleet}))
    for words in (
        ("sample", "--homes", str(HOMES), "--days", "2", "--first-day", "2026-03-28"),
        ("backfill", "--from", "2026-03-28", "--to", "2026-03-29"),
    ):
        done = run_darkstar(folder, "fleet", *words)
        assert done.code == 0, done.err
    paths = (folder / "lake").rglob("*.parquet")
    return {str(path.relative_to(folder / "lake")): path.read_bytes() for path in paths}


def test_a_fleets_backfill_writes_the_bytes_of_this_machine_over_the_spring_change(head: Head, tmp_path: Path) -> None:
    here = objects(tmp_path / "here", {"kind": "local", "workers": 1})
    there = objects(tmp_path / "there", {"kind": "ray", "address": head.address})
    assert len(here) > BUCKETS
    assert there == here


@pytest.mark.usefixtures("joined")
def test_large_answers_come_whole() -> None:
    assert [len(answer) for answer in map_shards(large, range(2))] == [SENT_BYTES] * 2


@pytest.mark.usefixtures("joined")
def test_a_connection_that_fails_in_the_work_is_the_works_own_error() -> None:
    with pytest.raises(ConnectionRefusedError, match="no price server"):
        map_shards(unreachable, range(2))


@pytest.mark.usefixtures("joined")
def test_a_package_that_a_node_lacks_is_named(module_of_here: Callable[[int], int]) -> None:
    with pytest.raises(ConfigurationError, match="lacks the package only_here") as refused:
        map_shards(module_of_here, range(2))
    assert "on every node" in refused.value.hint


def test_another_version_is_refused_with_both(head: Head, monkeypatch: pytest.MonkeyPatch) -> None:
    own = ray_module().__version__
    monkeypatch.setattr(ray_module(), "__version__", "2.9.0")
    with (
        RayEngine(head.address) as engine,
        running_on(engine),
        pytest.raises(ConfigurationError, match=r"2\.9\.0") as no,
    ):
        map_shards(squared, range(2))
    assert own in no.value.message
    assert "same Ray and Python" in no.value.hint


def test_a_head_that_dies_at_work_is_told_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_CLIENT_RECONNECT_GRACE_PERIOD", "1")
    with ray_head() as mortal, RayEngine(mortal.address) as engine, running_on(engine):
        with pytest.raises(OutsideServiceError, match=f"{mortal.address} .*was lost at work") as told:
            map_shards(slowly_squared, range(40), progress=lambda done, _: mortal.kill() if done == 3 else None)
        assert "run this again" in told.value.hint
