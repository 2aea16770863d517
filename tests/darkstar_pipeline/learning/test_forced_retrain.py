"""A forced retrain in one call: everything again, with its reason, and a progress that never goes back."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.learning import forced_retrain
from darkstar_pipeline.learning.retrain import RetrainReport
from darkstar_pipeline.learning.training import TrainingOptions
from tests.builders.small_home import small_settings

DAY = date(2025, 11, 3)


class Steps:
    """A retrain whose two policies each count ten steps."""

    def __init__(self, context: Context, at: date, options: TrainingOptions, *, forced: str) -> None:
        del context
        self.options = options
        self.report = RetrainReport(site="home", at=at, forced=forced, status="kept", warnings=("few days",))

    def forecasts(self) -> None: ...

    def policies(self) -> None:
        assert self.options.progress is not None
        for _ in ("lightgbm", "rl"):
            for done in range(1, 11):
                self.options.progress(done, 10)

    challenger = champion = forecasts


def test_progress_never_goes_back_and_the_reason_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(context: Context, day: date) -> None:
        del context
        raise DataMissingError(f"no day before {day} is usable")

    monkeypatch.setattr(forced_retrain, "Retrain", Steps)
    monkeypatch.setattr(forced_retrain, "store_missing_money", nothing)
    told: list[tuple[int, int]] = []
    report: dict[str, Any] = forced_retrain.forced_retrain(
        open_context(settings=small_settings(), home=tmp_path),
        DAY,
        "the heat pump is new",
        lambda done, total: told.append((done, total)),
    )
    assert told == sorted(told)
    assert (told[0], told[-1]) == ((100, 500), (400, 500))
    assert len({done for done, _ in told}) > 10
    assert (report["forced"], report["status"], report["warnings"][0]) == ("the heat pump is new", "kept", "few days")
    assert "no day before 2025-11-03 is usable" in report["warnings"][1]
