from pathlib import Path

import pytest

from tests.builders.command_line import Darkstar

pytestmark = pytest.mark.usefixtures("in_sample")


def test_quality_lists_every_day_when_they_are_graded(darkstar: Darkstar) -> None:
    done = darkstar("quality", "--from", "2024-03-04", "--to", "2024-03-06", "--json")
    assert done.code == 0
    days = {row["day"]: row for row in done.document["days"]}
    assert list(days) == ["2024-03-04", "2024-03-05"]
    assert (days["2024-03-04"]["status"], days["2024-03-04"]["reasons"]) == ("clean", "")
    assert days["2024-03-04"]["repaired_slots"] == 0
    assert days["2024-03-05"]["status"] == "exclude"
    assert "zero" in days["2024-03-05"]["reasons"]
    assert done.document["missing"] == ["2024-03-06"]


def test_quality_counts_by_status_when_a_person_asks(darkstar: Darkstar) -> None:
    done = darkstar("quality", "--from", "2024-03-04", "--to", "2024-03-06")
    assert "2 days: 1 clean, 0 mask_battery, 1 exclude" in done.out
    assert "1 days are not materialised: 2024-03-06" in done.out


def test_quality_names_the_remedy_when_no_day_is_graded(darkstar: Darkstar) -> None:
    done = darkstar("quality", "--from", "2023-11-01", "--to", "2023-11-02", "--json")
    assert (done.code, done.error["code"]) == (3, "data_missing")
    assert "darkstar backfill --from 2023-11-01 --to 2023-11-02" in done.error["hint"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        pytest.param(("--from", "2024-03-06", "--to", "2024-03-04"), "usage", id="ends before it starts"),
        pytest.param(("--from", "2024-03-32", "--to", "2024-04-01"), "usage", id="no day"),
        pytest.param(("--from", "2024-03-04"), "usage", id="no end"),
        pytest.param(("--from", "2024-03-04", "--to", "2024-03-05", "--site", "x"), "configuration", id="no such site"),
    ],
)
def test_quality_ends_with_two_when_called_wrongly(darkstar: Darkstar, words: tuple[str, ...], code: str) -> None:
    done = darkstar("quality", *words, "--json")
    assert (done.code, done.error["code"]) == (2, code)


def test_quality_ends_with_two_when_nothing_is_configured(
    darkstar: Darkstar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARKSTAR_CONFIG", str(tmp_path / "none.yaml"))
    done = darkstar("quality", "--from", "2024-03-04", "--to", "2024-03-05", "--json")
    assert (done.code, done.error["code"]) == (2, "configuration")
    assert "darkstar init" in done.error["hint"]
