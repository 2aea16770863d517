"""Names that Dagster takes, plain for the default home."""

from pathlib import Path

import pytest

from assets.home import Home
from jobs.names import job_name
from tests.builders.small_home import small_context


@pytest.mark.parametrize(
    ("prefix", "name"),
    [((), "backfill"), (("garden",), "garden__backfill"), (("garden-house",), "garden_house__backfill")],
    ids=["default", "another home", "a name with a dash"],
)
def test_job_name_is_plain_for_the_default_home(tmp_path: Path, prefix: tuple[str, ...], name: str) -> None:
    assert job_name(Home(context=small_context(tmp_path, filled=False), prefix=prefix), "backfill") == name
