"""`darkstar learning`, `reset learning` and `caches` as a person calls them."""

from pathlib import Path

import pytest

from planner.tuning.quantities import QUANTITIES
from tests.builders.command_line import Darkstar


@pytest.mark.usefixtures("in_copy_of_sample")
def test_what_was_learned_is_shown_taken_back_and_kept_in_the_history(darkstar: Darkstar) -> None:
    done = darkstar("learning", "run", "--from", "2024-04-01", "--to", "2024-04-03", "--json")
    assert (done.code, done.err) == (0, "")
    assert [row["name"] for row in done.document["quantities"]] == list(QUANTITIES)
    assert {row["used"] for row in done.document["quantities"]} == {False}, "nothing is used by default"
    moved = [row["name"] for row in done.document["quantities"] if row["value"] != row["configured"]]
    assert moved
    again = darkstar("learning", "run", "--from", "2024-04-01", "--to", "2024-04-03", "--json")
    assert "already" in again.err
    assert again.document["quantities"] == done.document["quantities"]

    reset = darkstar("reset", "learning", "--yes", "--json")
    assert (reset.code, sorted(row["name"] for row in reset.document["changed"])) == (0, sorted(moved))
    shown = darkstar("learning", "--json").document
    assert all(row["value"] == row["configured"] for row in shown["quantities"])
    shown = darkstar("learning", "history", "--days", "3660", "--out", "learned.png", "--json").document
    assert Path(shown["picture"]).read_bytes().startswith(b"\x89PNG")
    history = shown["history"]
    assert [row["action"] for row in history[-len(QUANTITIES) :]] == ["reset"] * len(QUANTITIES)
    assert len(history) == 4 * len(QUANTITIES)
    nothing = darkstar("reset", "learning", "--today", "--yes", "--json").document
    assert [row["new_value"] != row["old_value"] for row in nothing["changed"]] == [True] * len(moved)


@pytest.mark.usefixtures("in_sample")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param([], "add --yes", id="nobody to ask"),
        pytest.param(["--today", "--to", "2024-04-01"], "give one of them", id="two days"),
        pytest.param(["--to", "2100-01-01", "--yes"], "not before today", id="a day to come"),
    ],
)
def test_a_reset_that_cannot_be_meant_is_refused_with_a_remedy(darkstar: Darkstar, words: list[str], said: str) -> None:
    done = darkstar("reset", "learning", *words)
    assert done.code == 2
    assert said in done.err


@pytest.mark.usefixtures("home")
def test_caches_are_listed_and_emptied(darkstar: Darkstar) -> None:
    listed = darkstar("caches", "--json").document
    assert listed["bytes"] == sum(each["size"] for each in listed["caches"])
    assert darkstar("caches", "clear", "--json").document["complete"]
