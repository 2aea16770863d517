"""`darkstar tariffs`: the catalogue by area, with days and sources, and its use in a site that is there."""

import re
from pathlib import Path

import pytest

from darkstar_pipeline.config.settings import load_settings
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
    assert re.search(r"NO +NO4 +2025", done.out), "the areas of taxes that differ within a country are told"


def test_list_says_so_when_the_catalogue_has_nothing(home: Path, darkstar: Darkstar) -> None:
    assert home.is_dir()
    done = darkstar("tariffs", "list", "--area", "PL")
    assert done.code == 0
    assert "the catalogue has nothing for PL" in done.out


def test_use_writes_the_company_s_dated_tariff_and_nothing_else(home: Path, darkstar: Darkstar) -> None:
    darkstar("init", "--yes", "--area", "SE3")
    path = home / "darkstar.yaml"
    path.write_text(path.read_text().replace("export_fee: 0.0 ", "export_fee: 0.03 ") + "# mine\n")
    before = re.split(r"    tariff:.*(?=    protocol:)", path.read_text(), flags=re.DOTALL)
    done = darkstar("tariffs", "use", "ellevio", "--json")
    assert done.code == 0, done.err
    assert [each["valid_from"] for each in done.document["versions"]][-1] == "2026-06-01"
    assert re.split(r"    tariff:.*(?=    protocol:)", path.read_text(), flags=re.DOTALL) == before
    tariff = load_settings().sites["home"].tariff
    assert {version.export_fee for version in tariff} == {0.03}, "what is of the contract for energy stays"
    assert tariff[0].power == tariff[-2].power
    assert path.read_text().count("price_per_kw: ") == 1


def test_use_of_taxes_alone_keeps_the_fees_of_the_grid(home: Path, darkstar: Darkstar) -> None:
    darkstar("init", "--yes", "--area", "SE4")
    done = darkstar("tariffs", "use", "none")
    assert done.code == 0, done.err
    tariff = load_settings().sites["home"].tariff
    assert {version.transfer_fee for version in tariff} == {0.2456}
    assert {version.valid_from.year: version.energy_tax for version in tariff}[2026] == 0.36
    assert not darkstar("doctor", "--json").out.count("energy_tax is")
    assert (home / "darkstar.yaml").read_text().count("settlement_minutes:") == 1


@pytest.mark.parametrize(
    ("area", "company", "says"),
    [("SE4", "elevio", "grid company 'elevio' is not in the catalogue for SE4"), ("PL", "none", "no taxes for PL")],
)
def test_use_changes_nothing_when_the_catalogue_does_not_have_it(
    home: Path, darkstar: Darkstar, area: str, company: str, says: str
) -> None:
    darkstar("init", "--yes", "--area", area)
    before = (home / "darkstar.yaml").read_bytes()
    done = darkstar("tariffs", "use", company)
    assert done.code == 2
    assert says in done.err
    assert (home / "darkstar.yaml").read_bytes() == before
