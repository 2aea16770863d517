"""`--last 30d` at every command with a range of days, by the home's clock."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from darkstar_pipeline.console.relative_days import today
from tests.builders.command_line import Darkstar


def test_today_is_that_of_the_home(home: Path) -> None:
    (home / "darkstar.yaml").write_text("sites: {far: {area: SE3, timezone: Pacific/Kiritimati}}")
    there = datetime.now(UTC).astimezone(ZoneInfo("Pacific/Kiritimati")).date()
    assert abs(today() - there) < timedelta(days=1) or today() == there
    (home / "darkstar.yaml").write_text("sites: [")
    assert today() in {datetime.now().astimezone().date(), datetime.now(UTC).date()}


def test_every_command_with_a_range_of_days_takes_the_last_so_many(home: Path, darkstar: Darkstar) -> None:
    (home / "darkstar.yaml").write_text("sites: {home: {area: SE3}}")
    for words in (("quality",), ("evaluate",), ("shadow",)):
        done = darkstar(*words, "--last", "3d", "--json")
        assert done.code in {2, 3}
        assert "Missing option" not in done.error["message"]
        yesterday = datetime.now(ZoneInfo("Europe/Stockholm")).date() - timedelta(days=1)
        assert words != ("quality",) or str(yesterday) in done.error["message"]
