from pathlib import Path

import pytest

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


def test_doctor_data_describes_what_is_stored_and_draws_its_last_week(in_copy_of_sample: Path, darkstar: Darkstar):
    done = darkstar("doctor", "--data", "--to", "2024-03-05", "--json")
    assert done.code == 0
    document = done.document
    assert set(document) == {"site", "from", "to", "quantities", "balance", "disagreeing_hours", "week", "picture"}
    assert [one["quantity"] for one in document["quantities"]] == ["load_kwh", "pv_kwh", "price"]
    assert (document["to"], document["week"]["from"], document["week"]["to"]) == (
        "2024-03-05",
        "2024-02-28",
        "2024-03-05",
    )
    assert list(document["week"]["refused"]) == ["2024-03-05"]
    assert Path(document["picture"]).read_bytes().startswith(b"\x89PNG")
    assert Path(document["picture"]).is_relative_to(in_copy_of_sample)


def test_doctor_data_says_in_words_where_each_quantity_came_from(in_sample: Path, darkstar: Darkstar, tmp_path: Path):
    picture = tmp_path / "week.png"
    done = darkstar("doctor", "--data", "--out", str(picture))
    assert (done.code, picture.exists(), in_sample.is_dir()) == (0, True, True)
    assert "18776 slots of sample_observations.parquet, 60 min, 2023-10-23 to 2024-05-05" in done.out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--data", "--site", "cabin"), 2, "site 'cabin' is not in the configuration (known sites: sample)"),
        (("--data", "--from", "2024-03-05", "--to", "2024-03-04"), 2, "swap the two days"),
        (("--data", "--from", "2031-01-01"), 3, "(stored are days from 2023-10-23 to 2024-05-05)"),
        (("--data", "--out", "week.jpg"), 2, "end it in .png"),
        (("--data", "--repair"), 2, "give one of them"),
        (("--from", "2024-03-04"), 2, "belong to --data"),
    ],
    ids=["unknown site", "reversed range", "no data", "no picture", "repair too", "without --data"],
)
def test_doctor_data_refuses_with_a_remedy(
    in_sample: Path, darkstar: Darkstar, words: tuple[str, ...], code: int, said: str
):
    assert in_sample.is_dir()
    done = darkstar("doctor", *words)
    assert done.code == code
    assert said in done.err
