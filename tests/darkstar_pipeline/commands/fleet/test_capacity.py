"""`darkstar fleet capacity` tells what a fleet needs with all that it rests on."""

from pathlib import Path

from tests.builders.command_line import Darkstar


def test_needs_and_what_they_rest_on_are_told(home: Path, darkstar: Darkstar) -> None:
    assert home.is_dir()
    told = darkstar("fleet", "capacity", "--homes", "10000", "--plans-a-day", "24", "--json").document
    assert told.keys() == {"needs", "measured", "assumptions"}
    assert told["needs"]["homes"] == 10_000
    assert told["assumptions"]["plans_a_day"] == 24
    shown = darkstar("fleet", "capacity", "--homes", "1000000").out
    assert "1 000 000" in shown
    assert max(len(line) for line in shown.splitlines()) <= 80
