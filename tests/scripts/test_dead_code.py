"""Definitions that no source uses are named; that there are none is what `make style` asks."""

from pathlib import Path

from scripts.dead_code import dead_definitions


def test_definitions_are_named_when_only_tests_use_them(tmp_path: Path) -> None:
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "module.py").write_text("def used():\n    return 1\n\n\ndef unused():\n    return used()\n")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_module.py").write_text("from room.module import unused\n\nassert unused() == 1\n")
    assert dead_definitions(tmp_path, ("room",)) == ["room/module.py:5: function unused"]
