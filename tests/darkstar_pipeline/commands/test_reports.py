"""`darkstar report` and `darkstar appliance`: their documents and page; wrong input is refused with the remedy."""

from pathlib import Path

import pytest

from tests.builders.command_line import Darkstar


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("report", "--out", "state/lake/month.html"), "which only Darkstar writes"),
        (("report", "--out", "month.txt"), "neither .html nor .pdf"),
        (("report", "--month", "2024-13"), "not in the calendar"),
        (("report", "--month", "march"), "not a month"),
        (("appliance", "--kw", "nan", "--hours", "1"), "--kw"),
    ],
)
def test_wrong_input_is_refused_with_the_remedy(
    darkstar: Darkstar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DARKSTAR_HOME", str(tmp_path / "state"))
    outcome = darkstar(*words)
    assert outcome.code == 2
    assert message in outcome.err


@pytest.mark.usefixtures("in_sample")
def test_report_names_what_it_leaves_out(darkstar: Darkstar, tmp_path: Path) -> None:
    page = tmp_path / "march.html"
    done = darkstar("report", "--month", "2024-03", "--out", str(page), "--json")
    assert done.code == 0, done.err
    assert {day["day"] for day in done.document["days"]} == {"2024-03-04", "2024-03-31"}
    assert {row["day"]: row["reason"] for row in done.document["left_out"]}["2024-03-05"].startswith("refused: ")
    costs = done.document["costs"]
    assert costs["actual"] is None  # the sample has no grid meters
    assert costs["no_sun"] > costs["idle"] > costs["oracle"]
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.usefixtures("in_sample")
def test_appliance_finds_the_cheapest_start(darkstar: Darkstar) -> None:
    window = ("--at", "2024-03-30T14:00", "--by", "2024-03-30T19:00")
    done = darkstar("appliance", "--kw", "2", "--hours", "1", *window, "--json")
    assert done.code == 0, done.err
    prices = [row["price"] for row in done.document["starts"]]
    assert done.document["best"]["price"] == min(prices)
    assert done.document["now"] == done.document["starts"][0]
    assert len(prices) == 17
    said = darkstar("appliance", "--kw", "2", "--hours", "1", *window)
    assert said.out.startswith("Best start 2024-03-30 ")
    late = darkstar("appliance", "--kw", "2", "--hours", "6", *window, "--json")
    assert (late.code, late.error["code"]) == (2, "usage")
    assert "does not fit" in late.error["message"]
