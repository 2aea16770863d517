"""A profile's file is refused where it says what no inverter could do, with the place and the remedy."""

from pathlib import Path

import pytest

from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.inverters.catalogue import built_in, profile_of, profiles_of, read_profile

WANTED = ("sungrow", "huawei", "deye", "growatt", "solaredge", "fronius", "victron", "goodwe", "solis", "foxess",
          "sonnen", "tesla")  # fmt: skip
MINE = """\
family: mine
title: My inverter
integrations: [mine]
source: [its manual]
read_on: 2026-11-30
tested_on_hardware: false
entities:
  mode: {matches: [select.mine_mode], options: [auto, charge]}
  power: {matches: [number.mine_power], unit: W}
default:
  - {set: mode, to: auto}
commands:
  charge:
    - {set: power, power: charge}
    - {set: mode, to: charge}
parked: [power]
"""


def test_catalogue_has_every_family_and_none_is_called_tested() -> None:
    profiles = built_in()
    assert set(WANTED) <= set(profiles)
    for family, profile in profiles.items():
        assert profile.family == family
        assert all(source.startswith("https://github.com/") for source in profile.source)
        assert not profile.tested_on_hardware
        assert {"charge", "hold"} <= set(profile.commands), "without them nothing is gained"


def test_profiles_of_a_folder_join_and_replace_those_of_the_package(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(MINE)
    (tmp_path / "tesla.yml").write_text(MINE.replace("family: mine", "family: tesla"))
    (tmp_path / "notes.txt").write_text("no profile")
    profiles = profiles_of(tmp_path)
    assert profiles["mine"].title == profiles["tesla"].title == "My inverter"
    assert profile_of("mine", tmp_path).commands["charge"][0].power == "charge"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("family: mine", "famly: mine"), "famly: no such setting (did you mean family?; line 1)"),
        (("to: charge", "to: chrge"), "commands.charge.1.to: 'chrge' is not among the options of mode: auto, charge"),
        (("{set: power, power", "{set: powr, power"), "commands.charge.0.set: 'powr' is not under entities"),
        (("parked: [power]", ""), "commands.charge.0: power keeps its value: set it in `default`"),
        (("unit: W", "unit: bar"), "entities.power.unit: 'bar' is not one of"),
        (("unit: W", "unit: min"), "commands.charge.0.power: power is no number in W, kW, A, %"),
        (("to: auto", "own: true, to: auto"), "`mode` needs exactly one of `to`, `power`, `most`, `own`"),
        (("  - {set: mode, to: auto}", "  - {set: power, power: charge}"), "the default knows no command"),
        (("select.mine_mode", "sensor.mine_mode"), "only a select has options"),
        (("[number.mine_power]", "[number.mine_power, switch.mine]"), "the ids are of different kinds"),
        (("parked: [power]", "parked: [power]\nthrottle: [{set: power, to: 0}]"), "power would stay throttled"),
        (("  power: {m", "  idle: {matches: [number.x]}\n  power: {m"), "entities.idle: no step sets or reads it"),
        (("{set: mode, to: charge}", "{call: mine.charge}"), "a `call` needs `reads` and `shows`"),
        (("unit: W", "unit: W, minimum: 5, maximum: -3"), "entities.power.minimum: 5 is above the maximum of -3"),
        (
            ("  - {set: mode, to: auto}", "  - {set: mode, to: auto}\n  - {set: mode, to: charge}"),
            "gets two values here",
        ),
        (
            ("{set: mode, to: charge}", '{call: a.b, data: {w: "{chrage}"}, reads: mode, shows: charge}'),
            "commands.charge.1.data: 'chrage': write charge, discharge, export",
        ),
        (("tested_on_hardware: false", ""), "tested_on_hardware: is missing"),
        (("title: My inverter", "title: [a"), "cannot be read as YAML"),
        (
            ("unit: W}", "unit: min}"),
            "power is no number in W, kW",
        ),
        (
            ("{set: power, power: charge}", '{call: a.b, data: {duration: 1440}, reads: power, shows: "1"}'),
            "how long the inverter goes on by itself is `period_minutes`, 60 at most: write '{period}'",
        ),
        (
            ("{set: power, power: charge}", '{call: a.b, data: {w: "{period}"}, reads: power, shows: "1"}'),
            "commands.charge.0.data: 'period': write charge, discharge, export",
        ),
        (("{set: power, power: charge}", "{set: power, period: true}"), "power is no number in min or s"),
        (("parked", "period_minutes: 1440\nparked"), "period_minutes: 1440 is above 60"),
    ],
)
def test_file_is_refused_when_it_says_what_no_inverter_could_do(change: tuple[str, str], words: str) -> None:
    text = MINE.replace(*change)
    assert text != MINE
    with pytest.raises(ConfigurationError) as refused:
        read_profile(text, "mine.yaml")
    assert words in refused.value.message
    assert refused.value.message.startswith("mine.yaml")


def test_folder_and_family_are_named_when_they_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no folder"):
        profiles_of(tmp_path / "none")
    with pytest.raises(ConfigurationError, match="there is no inverter profile 'sungrw'") as refused:
        profile_of("sungrw", None)
    assert "sungrow" in refused.value.hint
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(MINE)
    with pytest.raises(ConfigurationError, match=r"b.yaml: another file is of family mine too"):
        profiles_of(tmp_path)


def test_file_that_is_too_large_is_refused_rather_than_read_in_part(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(MINE + "# more\n" * 40_000)
    with pytest.raises(ConfigurationError, match="larger than"):
        profiles_of(tmp_path)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("{set: time, to: 1440}", "`period_minutes`, 60 at most: write `period: true`"),
        ("{set: time, period: true}", "commands.charge: it ends by itself: have a step of it written again"),
        ("{set: time, period: true, again_after_minutes: 55}", "`again_after_minutes: 50` or less"),
    ],
)
def test_inverter_with_a_timer_of_its_own_never_goes_on_for_longer_than_an_hour(step: str, words: str) -> None:
    """A service that died would leave it at its command for the whole day."""
    text = MINE.replace("  power: {m", "  time: {matches: [number.mine_time], unit: min}\n  power: {m")
    text = text.replace("parked: [power]", "parked: [power, time]\nperiod_minutes: 60")
    with pytest.raises(ConfigurationError) as refused:
        read_profile(text.replace("  charge:\n", f"  charge:\n    - {step}\n"), "mine.yaml")
    assert words in refused.value.message
