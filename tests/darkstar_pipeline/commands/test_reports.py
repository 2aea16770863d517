"""`darkstar report` and `darkstar appliance`: wrong input is refused with the remedy."""

from pathlib import Path

import pytest

from tests.builders.command_line import Darkstar


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("report", "--out", "state/lake/month.html"), "which only Darkstar writes"),
        (("report", "--out", "month.txt"), "neither .html nor .pdf"),
        (("report", "--month", "2024-13"), "not in the calendar"),
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
