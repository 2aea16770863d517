"""`darkstar tariffs list`: the catalogue by area, with days and sources; no configuration is needed."""

from pathlib import Path

from tests.builders.command_line import Darkstar


def test_list_shows_an_area_s_taxes_and_companies(home: Path, darkstar: Darkstar) -> None:
    assert not (home / "darkstar.yaml").exists()
    done = darkstar("tariffs", "list", "--area", "no1", "--json")
    assert done.code == 0
    assert {row["id"] for row in done.document["companies"]} == {"elvia", "glitre"}
    assert all(row["source"] for row in done.document["companies"])
    assert {tuple(tax["areas"]) for tax in done.document["taxes"]} == {("NO1", "NO2", "NO3", "NO5")}
    assert "NO: Homes in Finnmark" in done.err


def test_list_shows_everything_and_its_sources_when_asked(home: Path, darkstar: Darkstar) -> None:
    assert home.is_dir()
    done = darkstar("tariffs", "list", "--sources")
    assert done.code == 0
    assert "fluvius-west" in done.out
    assert "ellevio: https://www.ellevio.se" in done.out


def test_list_says_so_when_the_catalogue_has_nothing(home: Path, darkstar: Darkstar) -> None:
    assert home.is_dir()
    done = darkstar("tariffs", "list", "--area", "PL")
    assert done.code == 0
    assert "the catalogue has nothing for PL" in done.out
