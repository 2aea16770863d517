from pathlib import Path

from tests.builders.command_line import Darkstar


def test_doctor_is_sound_when_the_sample_is_there(in_copy_of_sample: Path, darkstar: Darkstar) -> None:
    assert in_copy_of_sample.is_dir()
    done = darkstar("doctor", "--json")
    assert done.code == 0
    assert done.document["healthy"] is True
    assert done.document["sound"] is True, "the key of version 0.1, for one release"
    assert all(set(check) == {"check", "verdict", "detail", "remedy"} for check in done.document["checks"])
    waiting = next(check for check in done.document["checks"] if check["check"] == "graded, sample")
    assert (waiting["verdict"], waiting["detail"]) == ("warn", "3 days graded, 1 refused, 193 waiting")


def test_doctor_ends_with_three_when_something_must_be_mended(home: Path, darkstar: Darkstar) -> None:
    assert home.is_dir()
    done = darkstar("doctor", "--json")
    assert (done.code, done.document["healthy"], done.document["sound"]) == (3, False, False)
    broken = [check for check in done.document["checks"] if check["verdict"] == "fail"]
    assert [check["check"] for check in broken] == ["configuration"]
    assert "darkstar init" in broken[0]["remedy"]


def test_doctor_draws_a_line_a_check_when_a_person_asks(home: Path, darkstar: Darkstar) -> None:
    assert home.is_dir()
    assert darkstar("init", "--yes").code == 0
    done = darkstar("doctor")
    assert done.code == 0
    assert "Europe/Stockholm, clock changes" in done.out


def test_doctor_ends_with_two_when_the_site_is_unknown(in_copy_of_sample: Path, darkstar: Darkstar) -> None:
    assert in_copy_of_sample.is_dir()
    done = darkstar("doctor", "--site", "cabin", "--json")
    assert (done.code, done.error["code"]) == (2, "configuration")
