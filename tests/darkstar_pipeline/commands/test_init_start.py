"""`darkstar init --home-assistant URL --start`: one command from an empty folder to a first plan."""

from pathlib import Path

import pytest

from benchmarks.recorded_home.home_assistant import made_sources
from benchmarks.recorded_home.statistics_home import home_until_now
from darkstar_pipeline.fetching.prices import session
from darkstar_pipeline.home_assistant_api.failures import TOKEN_VARIABLE
from tests.builders.command_line import Darkstar
from tests.builders.home_assistant_socket import TOKEN, home_assistant_socket
from tests.builders.statistics_answers import answers_of


@pytest.mark.thorough  # a backfill of days through Dagster, and a plan
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.usefixtures("home")
def test_one_command_leads_from_nothing_to_a_plan(darkstar: Darkstar, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    assert tmp_path.is_dir()
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    monkeypatch.setattr(session, "price_sources", made_sources)
    with home_assistant_socket(answers_of(home_until_now(3))) as answers:
        done = darkstar("init", "--home-assistant", answers.url, "--area", "SE3", "--yes", "--start", "--json")
    assert done.code == 0, done.err
    document = done.document
    assert list(document) == ["init", "readings", "prices", "backfill", "plan"]
    assert document["readings"]["slots_new"] >= 3 * 90
    assert document["backfill"]["days"] >= 2
    assert document["plan"]["verified"] is True
    assert len(document["plan"]["slots"]) > 8


@pytest.mark.usefixtures("home")
def test_a_start_needs_a_home_assistant(darkstar: Darkstar):
    refused = darkstar("init", "--start", "--yes", "--json")
    assert refused.code == 2
    assert "--home-assistant URL" in refused.error["hint"]
