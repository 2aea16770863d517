import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.errors import ConfigurationError, OutsideServiceError
from darkstar_pipeline.retention import cleaning
from darkstar_pipeline.retention.cleaning import clean, last_cleaning
from darkstar_pipeline.retention.rules import Item, Rule
from darkstar_pipeline.state.log_files import shorten_log

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
SETTINGS = Settings.model_validate({"sites": {"home": {}}, "retention": {"log_mib": 1}})


def put(path: Path, content: bytes = b"x", *, days_old: float = 0.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    at = (NOW - timedelta(days=days_old)).timestamp()
    os.utime(path, (at, at))
    os.utime(path.parent, (at, at))
    return path


def a_home(home: Path) -> tuple[list[Path], list[Path]]:
    """A state folder with something of every kind of files; what is to go, and what is to stay."""
    service, models = home / "service" / "home", home / "models" / "home"
    gone = [
        put(service / "plans" / "2026-10-01" / "a.json"),
        put(models / "unfinished" / "rl-old" / "member_0.safetensors", days_old=31),
        put(models / "searches" / "rl-old.db", days_old=31),
        put(home / "quarantine" / "old.csv", days_old=366),
        put(home / "pictures" / "old.png", days_old=366),
        put(home / "lake" / ".0123456789abcdef.tmp", days_old=20_000),
    ]
    stay = [
        put(service / "plans" / "2026-11-28" / "a.json"),
        put(service / "plans" / "2026-11-29" / "a.json"),
        put(service / "plans" / "2026-10-01.mine" / "a.json"),
        put(service / "wishes.json", days_old=900),
        put(service / "token", days_old=900),
        put(models / "unfinished" / "rl-new" / "member_0.safetensors", days_old=1),
        put(home / "quarantine" / "new.csv", days_old=1),
        put(home / "lake" / "meter_readings" / "site=home" / "day=2019-01-01" / "part.parquet", days_old=2000),
        put(home / "aside" / "20190101T000000Z" / "x", days_old=2000),
        put(home / "mine.txt", days_old=2000),
    ]
    return gone, stay


def test_what_is_past_its_time_goes_and_the_rest_stays(tmp_path: Path) -> None:
    gone, stay = a_home(tmp_path)
    told = clean(tmp_path, SETTINGS, now=NOW, dry_run=True)
    assert all(path.exists() for path in (*gone, *stay)), "a dry run removes nothing"
    done = clean(tmp_path, SETTINGS, now=NOW)
    assert [path for path in gone if path.exists()] == []
    assert [path for path in stay if not path.exists()] == []
    assert [each.goes for each in told] == [each.goes for each in done]
    assert {each.kind: each.goes for each in done if each.goes} == {
        "plans": 1,
        "checkpoints": 2,
        "quarantine": 1,
        "pictures": 1,
    }
    assert {each.setting for each in done} >= {"retention.plans_days", "retention.versions_days", "retention.log_mib"}
    again = clean(tmp_path, SETTINGS, now=NOW)
    assert not any(each.goes or each.problem for each in again)


def test_a_checkpoint_that_a_training_has_just_written_stays(tmp_path: Path) -> None:
    put(tmp_path / "models" / "home" / "unfinished" / "rl-a" / "member_0.safetensors", days_old=90)
    put(tmp_path / "models" / "home" / "unfinished" / "rl-a" / "member_1.safetensors", days_old=0.1)
    assert not any(each.goes for each in clean(tmp_path, SETTINGS, now=NOW))


def test_times_at_the_calendars_end_stop_nothing(tmp_path: Path) -> None:
    plans = tmp_path / "service" / "home" / "plans"
    old = put(plans / "2020-01-01" / "a.json")
    stay = [put(plans / day / "a.json") for day in ("9999-12-31", "0001-01-01.mine", "2026-11-29")]
    late = put(tmp_path / "pictures" / "late.png")
    os.utime(late, (2**40, 2**40))  # year 36812, where the file system holds it
    assert not any(each.problem for each in clean(tmp_path, SETTINGS, now=NOW))
    assert not old.exists()
    assert all(path.exists() for path in (*stay, late))


def test_a_log_is_shortened_and_its_writer_goes_on(tmp_path: Path) -> None:
    log = put(tmp_path / "logs" / "planner.log", b"")
    with log.open("ab", buffering=0) as writer:
        writer.write(b"".join(b"line %07d\n" % number for number in range(100_000)))
        report = next(each for each in clean(tmp_path, SETTINGS, now=NOW) if each.kind == "logs")
        writer.write(b"after\n")
    assert report.goes == 1
    assert log.read_bytes() == b"after\n"
    kept = (tmp_path / "logs" / "planner.log.1").read_bytes()
    assert kept.startswith(b"line ")
    assert kept.endswith(b"line 0099999\n")
    assert len(kept) <= 2**19
    assert shorten_log(log, 2**20) == 0
    assert shorten_log(tmp_path / "no.log", 2**20) == 0


@dataclass(frozen=True)
class Scripted:
    """A kind whose removal fails at a batch."""

    name: str
    fails_at: int = 99
    rule: Rule = field(default_factory=lambda: Rule(setting="x", days=1, at_least=0, budget=10**9))
    folders: Sequence[Path] = ()
    batch: int = 2
    removed: list[str] = field(default_factory=list[str])

    def items(self) -> list[Item]:
        return [Item(name=str(n), at=NOW - timedelta(days=9), size=1) for n in range(6) if str(n) not in self.removed]

    def remove(self, items: Sequence[Item]) -> None:
        if len(self.removed) >= self.fails_at:
            raise OutsideServiceError("the store is locked")
        self.removed.extend(item.name for item in items)


def test_a_kind_that_fails_is_told_and_the_others_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = [Scripted("a", fails_at=2), Scripted("b")]
    monkeypatch.setattr(cleaning, "kinds_of", lambda *_, **__: kinds)
    first, second = clean(tmp_path, SETTINGS, now=NOW)
    assert (first.goes, first.problem, second.goes) == (2, "the store is locked", 6)
    last = last_cleaning(tmp_path)
    assert last is not None
    assert (last.freed, last.problems) == (8, ("a: the store is locked",))


def test_no_batch_begins_when_the_time_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = Scripted("a")
    monkeypatch.setattr(cleaning, "kinds_of", lambda *_, **__: [kind])
    times = iter([0.0, 1.0, 11.0])
    report = clean(tmp_path, SETTINGS, now=NOW, seconds=10.0, monotonic=lambda: next(times))[0]
    assert (report.goes, kind.removed) == (2, ["0", "1"])
    assert "the next time" in report.problem
    assert clean(tmp_path, SETTINGS, now=NOW)[0].goes == 4


def test_a_state_folder_of_a_newer_release_is_left_alone(tmp_path: Path) -> None:
    gone, _ = a_home(tmp_path)
    (tmp_path / "state.json").write_text('{"version": 99}')
    with pytest.raises(ConfigurationError, match="state version 99"):
        clean(tmp_path, SETTINGS, now=NOW)
    assert gone[0].exists()


def test_a_damaged_report_is_none(tmp_path: Path) -> None:
    (tmp_path / cleaning.REPORT_FILE).write_text("{")
    assert last_cleaning(tmp_path) is None
    assert clean(tmp_path / "nothing", SETTINGS, now=NOW) == []
    assert not (tmp_path / "nothing").exists()
