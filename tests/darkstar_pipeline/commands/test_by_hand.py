"""`darkstar byhand`: a block with its price, accepted in a second step; times over changes of the clocks."""

from datetime import UTC, datetime

import pytest

from darkstar_pipeline.commands.household.moments import parse_moment, parse_span
from darkstar_pipeline.config.settings import home_dir
from darkstar_pipeline.console.failures import UsageError
from darkstar_pipeline.service.engine.overrides import OVERRIDES_FILE
from darkstar_pipeline.service.state_folder import service_folder
from tests.builders.command_line import Darkstar

AT = "2024-03-31T14:00"  # the day with 92 slots
ZONE = "Europe/Stockholm"
AUTUMN, SPRING = datetime(2026, 10, 25, 20, tzinfo=UTC), datetime(2026, 3, 28, 20, tzinfo=UTC)


@pytest.mark.usefixtures("in_copy_of_sample")
def test_block_is_priced_accepted_planned_around_and_removed(darkstar: Darkstar) -> None:
    plain = darkstar("plan", "--at", AT, "--json").document
    block = ("byhand", "add", "charge", "--from", "17:00", "--to", "19:00", "--power", "2", "--at", AT)
    shown = darkstar(*block, "--json")
    assert (shown.code, shown.err, shown.document["accepted"]) == (0, "", None)
    preview = shown.document["preview"]
    assert (preview["block"]["start"], preview["block"]["until"]) == ("2024-03-31T15:00:00Z", "2024-03-31T17:00:00Z")
    assert preview["figures"]["site"]["cost"] == pytest.approx(plain["cost"], abs=1e-9)
    assert darkstar("plan", "--at", AT, "--json").document == plain | {"solver": plain["solver"]}
    what_if = darkstar("whatif", "plan", "--at", AT, "--by-hand", "charge 17:00 19:00 2", "--json").document
    for case in ("site", "changed", "difference"):
        assert what_if["figures"][case]["cost"] == pytest.approx(preview["figures"][case]["cost"], abs=1e-9)
    assert darkstar("whatif", "plan", "--at", AT, "--by-hand", "charge 17:00").code == 2
    words = darkstar(*block)
    assert "nothing is changed; to accept it: darkstar byhand accept" in words.out
    accepted = darkstar("byhand", "accept", preview["id"], "--at", AT, "--json").document["overrides"]
    assert [each["mode"] for each in accepted] == ["charge"]
    around = darkstar("plan", "--at", AT, "--json").document
    assert around["cost"] - plain["cost"] == pytest.approx(preview["cost"], abs=1e-6)
    hours = [slot for slot in around["slots"] if "15:00" <= slot["slot_start"][11:16] < "17:00"][:8]
    assert [slot["charge_kw"] for slot in hours] == [2.0] * 8
    assert any(each["by_hand"] for each in around["blocks"])
    overlap = darkstar(*block, "--json")
    assert (overlap.code, overlap.document["error"]["code"]) == (2, "overlap")
    listed = darkstar("byhand", "show", "--at", AT)
    assert "to come" in listed.out
    assert max(map(len, listed.out.splitlines())) <= 80
    assert darkstar("byhand", "remove", accepted[0]["id"], "--at", AT).out == "nothing is set by hand\n"
    assert darkstar("byhand", "remove", accepted[0]["id"], "--at", AT).code == 2


@pytest.mark.usefixtures("in_sample")
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("burn", "--from", "17:00", "--to", "19:00"), "mode"),
        (("hold", "--from", "17:00", "--to", "19:00", "--power", "3"), "takes no power_kw"),
        (("charge", "--from", "soon", "--to", "19:00"), "is no time"),
        (("charge", "--from", "2024-03-30T10:00", "--to", "2024-03-30T12:00"), "has passed"),
        (("heat_water", "--from", "17:00", "--to", "19:00"), "no water heater"),
    ],
)
def test_block_that_cannot_be_is_refused_in_a_sentence(
    darkstar: Darkstar, options: tuple[str, ...], words: str
) -> None:
    done = darkstar("byhand", "add", *options, "--at", AT)
    assert done.code == 2
    assert words in done.err
    assert done.err.count("\n") == 1


@pytest.mark.usefixtures("in_copy_of_sample")
def test_blocks_that_cannot_be_read_are_told_and_not_written_over(darkstar: Darkstar) -> None:
    file = service_folder(home_dir(), "sample") / OVERRIDES_FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text('{"bad')
    for command in (("show",), ("accept", "1a2b3c4d"), ("remove", "1a2b3c4d")):
        done = darkstar("byhand", *command)
        assert (done.code, str(file) in done.err, "mend or remove" in done.err) == (2, True, True)
    assert file.read_text() == '{"bad'


def test_time_alone_is_the_next_one_and_an_end_the_one_after_its_begin() -> None:
    now = datetime(2026, 6, 1, 12, 7, tzinfo=UTC)  # 14:07 by the clock
    assert parse_span("14:00", "16:00", now, ZONE)[0] == datetime(2026, 6, 1, 12, tzinfo=UTC)
    assert parse_span("13:00", "16:00", now, ZONE)[0] == datetime(2026, 6, 2, 11, tzinfo=UTC)
    assert parse_span("22:00", "02:00", now, ZONE)[1] == datetime(2026, 6, 2, 0, tzinfo=UTC)
    assert parse_span("now", "16:00", now, ZONE)[0] == datetime(2026, 6, 1, 12, tzinfo=UTC)
    assert parse_moment("--from", "2026-06-03T02:00+00:00", now, ZONE) == datetime(2026, 6, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "now", "words", "hint"),
    [
        ("02:30", datetime(2026, 10, 24, 20, tzinfo=UTC), "comes twice on 2026-10-25", "2026-10-25T02:30"),
        ("2026-10-25T02:30", AUTUMN, "comes twice", "+0200"),
        ("02:30", SPRING, "no 02:30 on 2026-03-29", "before or after"),
        ("2026-03-29T02:30", SPRING, "the clocks go forward", "before or after"),
        ("2026-13-01T00:00", SPRING, "is no time", "local time"),
        ("2026-03-29", SPRING, "is no time", "local time"),
        ("0001-01-01T00:30", SPRING, "outside all calendars", "31 days"),
    ],
)
def test_time_that_the_clock_does_not_show_once_is_told(text: str, now: datetime, words: str, hint: str) -> None:
    with pytest.raises(UsageError, match=words) as error:
        parse_moment("--from", text, now, ZONE)
    assert hint in error.value.hint
