"""`darkstar plan`: its document, its table, and what it says when it cannot."""

from pathlib import Path

import pytest
import yaml

from planner.plans.reasons import PLAN_REASONS
from planner.wording.values import command_words
from tests.builders.command_line import Darkstar

AT = "2024-03-31T14:00"  # the day with 92 slots
KEYS = [
    "site", "at", "source", "rung", "why", "attempts",
    "solver", "vintage", "forecast", "start_soc_percent", "start_soc_source",
    "start_soc_basis", "start_soc_note", "input_notes", "steering", "end", "released",
    "release_reason", "cost", "idle_cost", "self_consumption_cost", "verified", "violations", "notices",
    "strategy", "care", "changes", "savings", "blocks", "slots",
]  # fmt: skip


@pytest.mark.usefixtures("in_sample")
def test_plan_answers_one_document_when_asked_for_json(darkstar: Darkstar) -> None:
    done = darkstar("plan", "--at", AT, "--soc", "40", "--json")
    assert (done.code, done.err) == (0, "")
    plan = done.document
    assert list(plan) == KEYS
    assert (plan["at"], plan["source"], plan["released"]) == ("2024-03-31T12:00:00Z", "value", "plan")
    assert plan["start_soc_percent"] == pytest.approx(40)
    assert len(plan["slots"]) == 40 + 96
    assert plan["cost"] <= min(plan["idle_cost"], plan["self_consumption_cost"])
    for slot in plan["slots"]:
        assert slot["reason"] in PLAN_REASONS
        assert slot["sentence"]
    assert plan["changes"] is None, "no service has planned yet"
    blocks, savings = plan["blocks"], plan["savings"]
    assert (blocks[0]["start"], len(blocks) < 30) == (plan["slots"][0]["slot_start"], True)
    assert sum(block["saving"] for block in blocks) == pytest.approx(savings["blocks"])
    assert savings["against_idle"] == pytest.approx(plan["idle_cost"] - plan["cost"])
    parts = ("blocks", "moved_loads", "demand_charge", "energy_left")
    assert sum(savings[part] for part in parts) == pytest.approx(savings["against_idle"])


@pytest.mark.usefixtures("in_sample")
def test_plan_is_the_same_when_the_moment_is_written_with_its_offset(darkstar: Darkstar) -> None:
    first, second = (darkstar("plan", "--at", at, "--json").document for at in (AT, "2024-03-31T12:00:00Z"))
    assert first["slots"] == second["slots"]


@pytest.mark.usefixtures("in_sample")
def test_plan_draws_what_it_saves_and_its_blocks_when_a_person_asks(darkstar: Darkstar) -> None:
    lines = darkstar("plan", "--at", "2024-03-31T22:30").out.splitlines()
    assert lines[0].startswith("Sun 22:30–Tue 00:00: costs ")
    assert "less than an unused battery and " in lines[0]
    assert lines[1].startswith("now: ")
    assert lines[2].startswith("from ")
    blocks = [line for line in lines[3:] if line.startswith(("Sun", "Mon"))]
    assert 2 < len(blocks) < 20
    assert blocks[0].startswith("Sun 22:30–")
    assert any(line.startswith("starts at 50 % (assumed: nothing says how full it is); ") for line in lines)
    assert any(line.startswith("made by the value function: the plan costs ") for line in lines)
    assert lines[-1] == "passed over: the champion: no version is in use"


@pytest.mark.parametrize(
    ("language", "first", "words"),
    [
        ("sv", "sön 22:30–tis 00:00: kostar ", ("mindre än ett oanvänt batteri", "börjar på 50 % (", "gjord av ")),
        (
            "de",
            "So 22:30–Di 00:00: kostet ",
            ("weniger als eine ungenutzte Batterie", "beginnt bei 50 % (", "Quelle: "),
        ),
    ],
)
def test_plan_is_told_in_the_site_s_language_and_its_codes_stay(
    darkstar: Darkstar,
    in_sample: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    language: str,
    first: str,
    words: tuple[str, ...],
) -> None:
    english = darkstar("plan", "--at", AT, "--soc", "40", "--json").document
    settings = yaml.safe_load((in_sample / "darkstar.yaml").read_text())
    settings["sites"]["sample"]["language"] = language
    changed = tmp_path / "language.yaml"
    changed.write_text(yaml.safe_dump(settings))
    monkeypatch.setenv("DARKSTAR_CONFIG", str(changed))
    told = darkstar("plan", "--at", AT, "--soc", "40", "--json").document
    assert list(told) == list(english)
    assert [slot["reason"] for slot in told["slots"]] == [slot["reason"] for slot in english["slots"]]
    assert {slot["sentence"] for slot in told["slots"]}.isdisjoint(slot["sentence"] for slot in english["slots"])
    drawn = darkstar("plan", "--at", "2024-03-31T22:30").out
    assert drawn.startswith(first)
    assert [each for each in words if each not in drawn] == []


@pytest.mark.usefixtures("in_sample")
def test_plan_draws_a_row_a_slot_when_slots_are_asked_for(darkstar: Darkstar) -> None:
    done = darkstar("plan", "--at", "2024-03-31T22:30", "--slots")
    lines = [line for line in done.out.splitlines() if line.startswith(("Sun", "Mon"))]
    assert len(lines) == 6 + 96
    assert lines[0].startswith("Sun 22:30 ")
    assert "doing nothing here costs" in done.out


@pytest.mark.parametrize(
    ("words", "code", "name", "message"),
    [
        pytest.param((), 3, "data_missing", "has no spot price for", id="now"),
        pytest.param(("--at", "yesterday"), 2, "usage", "is not a date and time", id="no date and time"),
        pytest.param(("--at", AT, "--soc", "140"), 2, "usage", "less than or equal to 100", id="more than full"),
    ],
)
@pytest.mark.usefixtures("in_sample")
def test_plan_says_what_is_wrong_when_it_cannot(
    darkstar: Darkstar, words: tuple[str, ...], code: int, name: str, message: str
) -> None:
    done = darkstar("plan", *words, "--json")
    assert (done.code, done.error["code"]) == (code, name)
    assert message in done.error["message"]
    assert done.error["hint"]


DEVICES = {
    "vehicle": {"power_kw": 11},
    "water_heater": {"power_kw": 3, "energy_kwh_per_day": 6, "vacation_kwh_per_day": 1},
    "appliances": [{"name": "dishwasher", "power_kw": 1.2, "run_hours": 2}],
}


@pytest.fixture
def with_devices(in_sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sample's home with a car, a heater and a dishwasher."""
    settings = yaml.safe_load((in_sample / "darkstar.yaml").read_text())
    settings["sites"]["sample"]["devices"] = DEVICES
    changed = tmp_path / "devices.yaml"
    changed.write_text(yaml.safe_dump(settings))
    monkeypatch.setenv("DARKSTAR_CONFIG", str(changed))


@pytest.mark.usefixtures("with_devices")
def test_plan_meets_load_requests_when_the_home_can(darkstar: Darkstar) -> None:
    car, run = "20=2024-03-31T18:00/2024-04-01T07:00", "dishwasher=2024-04-01T06:00"
    done = darkstar("plan", "--at", AT, "--car", car, "--appliance", run, "--vacation", "--json")
    assert done.code == 0, done.err
    slots = done.document["slots"]
    charged = [slot["slot_start"] for slot in slots if slot["ev_kwh"] > 1e-9]
    assert charged[0] >= "2024-03-31T16:00"  # UTC
    assert charged[-1] < "2024-04-01T05:00"
    assert sum(slot["ev_kwh"] for slot in slots) == pytest.approx(20)
    washed = [slot["slot_start"] for slot in slots if slot["appliance_dishwasher_kwh"] > 1e-9]
    assert (len(washed), washed[-1] < "2024-04-01T04:00") == (8, True)
    assert sum(slot["water_kwh"] for slot in slots if slot["slot_start"] < "2024-03-31T22:00") == pytest.approx(1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(("--car", "20"), "does not name both a load and a time", id="no departure"),
        pytest.param(("--car", "much=2024-04-01T07:00"), "is not an energy in kWh", id="no energy"),
        pytest.param(("--car", "20=soon"), "is not a date and time", id="no date and time"),
        pytest.param(("--car", "500=2024-04-01T07:00"), "give it only", id="more than its power gives"),
        pytest.param(("--appliance", "=2024-04-01T07:00"), "does not name both a load and a time", id="no name"),
        pytest.param(("--appliance", "oven=2024-04-01T07:00"), "there is no appliance 'oven'", id="unknown"),
    ],
)
@pytest.mark.usefixtures("with_devices")
def test_plan_refuses_a_load_request_when_it_is_impossible(
    darkstar: Darkstar, words: tuple[str, ...], message: str
) -> None:
    done = darkstar("plan", "--at", AT, *words, "--json")
    assert (done.code, done.error["code"]) == (2, "usage")
    assert message in done.error["message"]
    assert done.error["hint"]


def test_plan_is_refused_when_nothing_is_configured(home: Path, darkstar: Darkstar) -> None:
    assert darkstar("plan", "--json").code == 2
    assert list(home.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ((3.0, 0.0, 0.0), "charge 3.0 kW"),
        ((0.0, 8.0, 0.0), "self-consumption"),
        ((0.0, 1.5, 0.0), "cover load up to 1.5 kW"),
        ((0.0, 8.0, 99.0), "cover load and sell"),
        ((0.0, 8.0, 2.0), "cover load and sell 2.0 kW"),
        ((0.0, 0.0, 99.0), "sell surplus"),
        ((0.0, 0.0, 0.0), "hold"),
    ],
)
def test_command_is_put_in_words_when_drawn(command: tuple[float, float, float], words: str) -> None:
    assert command_words(command, 8.0) == words


@pytest.mark.usefixtures("in_sample")
def test_plan_starts_from_a_state_of_charge_outside_the_range_and_says_so(darkstar: Darkstar) -> None:
    plan = darkstar("plan", "--at", AT, "--soc", "3", "--json").document
    assert plan["start_soc_percent"] == pytest.approx(3)
    assert plan["verified"]
    assert "outside the usable range" in plan["start_soc_note"]
    assert "outside the usable range" in darkstar("plan", "--at", AT, "--soc", "3").out.replace("\n", " ")
    assert darkstar("plan", "--at", AT, "--soc", "50", "--json").document["start_soc_note"] == ""
