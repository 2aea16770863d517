from datetime import date
from pathlib import Path

import polars as pl

from darkstar_pipeline.commands.sample import notable_days
from darkstar_pipeline.config.settings import load_settings
from darkstar_pipeline.sample.site import sample_settings
from tests.builders.command_line import Darkstar


def test_sample_makes_a_ready_site_when_nothing_is_there(home: Path, darkstar: Darkstar) -> None:
    done = darkstar("sample", "--json")
    assert (done.code, done.err) == (0, "")
    assert (done.document["site"], done.document["first_day"]) == ("sample", "2023-10-23")
    assert [report["slots_new"] for report in done.document["imports"]] == [18_776, 18_780, 9_408], (
        "of the planted faults one is refused at import: three hours of PV that repeats its last reading"
    )
    assert load_settings(home / "darkstar.yaml").sites == {"sample": sample_settings()}


def test_sample_changes_nothing_when_repeated(in_sample: Path, darkstar: Darkstar) -> None:
    before = (in_sample / "darkstar.yaml").read_bytes()
    done = darkstar("sample", "--json")
    assert done.code == 0
    assert all(report["slots_new"] + report["slots_changed"] == 0 for report in done.document["imports"])
    assert (in_sample / "darkstar.yaml").read_bytes() == before
    assert "nothing has changed" in darkstar("sample").out


def test_sample_leaves_a_home_of_ones_own_the_default_when_it_comes_second(home: Path, darkstar: Darkstar) -> None:
    assert home.is_dir()
    assert darkstar("init", "--yes").code == 0
    assert darkstar("sample").code == 0
    assert load_settings().site_name() == "home"


def test_sample_refuses_when_another_site_is_named(home: Path, darkstar: Darkstar) -> None:
    done = darkstar("sample", "--site", "home", "--json")
    assert (done.code, done.error["code"]) == (2, "usage")
    assert not (home / "darkstar.yaml").exists()


def test_telling_days_are_the_richest_and_the_most_missed_when_they_differ() -> None:
    days = [date(2024, 1, 1), date(2024, 1, 2), date(2024, 1, 3)]
    costs = {"idle": [9.0, 9.0, 9.0], "mpc": [2.0, 8.0, 7.0], "oracle": [1.0, 4.0, 6.0]}
    frames = [pl.DataFrame({"day": days, "policy": [name] * 3, "cost": values}) for name, values in costs.items()]
    assert notable_days(pl.concat(frames)) == (days[0], days[1])
