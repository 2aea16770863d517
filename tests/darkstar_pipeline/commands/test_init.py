import sys
from pathlib import Path

import pytest

from darkstar_pipeline.config.settings import load_settings
from darkstar_pipeline.config.site import SiteSettings
from tests.builders.command_line import Darkstar, Terminal


def test_init_writes_the_defaults_when_nothing_is_asked(home: Path, darkstar: Darkstar) -> None:
    done = darkstar("init", "--yes", "--json")
    assert done.code == 0
    assert "written as 10 kWh and 5 kW: give yours with --battery-kwh and --battery-kw" in done.err
    assert done.document == {
        "site": "home",
        "path": str(home / "darkstar.yaml"),
        "area": "SE3",
        "timezone": "Europe/Stockholm",
        "currency": "SEK",
    }
    battery = {"capacity_kwh": 10, "charge_kw": 5, "discharge_kw": 5}
    prices = {"order": ["elprisetjustnu", "nordpool", "energy_charts", "energi_data_service"]}
    expected = {"battery": battery, "sources": {"prices": prices}}
    assert load_settings().sites == {"home": SiteSettings.model_validate(expected)}
    assert "curtailable: false" in (home / "darkstar.yaml").read_text()


def test_init_takes_the_battery_that_is_given_and_assumes_nothing(home: Path, darkstar: Darkstar) -> None:
    assert home.is_dir()
    done = darkstar("init", "--battery-kwh", "13.5", "--battery-kw", "4.6", "--yes")
    assert done.code == 0
    assert "the battery of" not in done.err
    battery = load_settings().sites["home"].battery
    assert (battery.capacity_kwh, battery.charge_kw, battery.discharge_kw) == (13.5, 4.6, 4.6)
    refused = darkstar("init", "--site", "cabin", "--battery-kwh", "0", "--yes", "--json")
    assert refused.code == 2
    assert "capacity_kwh" in refused.error["message"]


def test_init_guesses_zone_and_currency_when_the_area_tells(home: Path, darkstar: Darkstar) -> None:
    assert home.is_dir()
    done = darkstar("init", "--site", "cabin", "--area", "NO1", "--yes")
    assert done.code == 0
    assert "Swedish" in done.err
    site = load_settings().sites["cabin"]
    assert (site.area, site.timezone, site.currency) == ("NO1", "Europe/Oslo", "NOK")


def test_init_takes_the_zone_when_it_is_given(home: Path, darkstar: Darkstar) -> None:
    assert home.is_dir()
    assert darkstar("init", "--area", "SE4", "--timezone", "Asia/Kolkata").code == 0
    assert load_settings().sites["home"].timezone == "Asia/Kolkata"


def test_init_adds_a_site_when_there_is_one_already(home: Path, darkstar: Darkstar) -> None:
    assert home.is_dir()
    assert darkstar("init", "--yes").code == 0
    assert darkstar("init", "--yes", "--site", "cabin", "--area", "SE4").code == 0
    settings = load_settings()
    assert (sorted(settings.sites), settings.default_site) == (["cabin", "home"], "home")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(("--site", "home"), "'home' is already in", id="taken"),
        pytest.param(("--site", "a b"), "'a b' is not allowed", id="no name"),
        pytest.param(("--site", "x", "--timezone", "Mars/Base"), "Mars/Base", id="no zone"),
        pytest.param(("--site", "x", "--area", ""), "area", id="no area"),
    ],
)
def test_init_refuses_and_changes_nothing_when_it_cannot(
    home: Path, darkstar: Darkstar, words: tuple[str, ...], message: str
) -> None:
    assert darkstar("init", "--yes").code == 0
    before = (home / "darkstar.yaml").read_bytes()
    done = darkstar("init", "--yes", "--json", *words)
    assert done.code == 2
    assert message in done.error["message"]
    assert (home / "darkstar.yaml").read_bytes() == before


def test_init_refuses_when_the_file_is_broken(home: Path, darkstar: Darkstar) -> None:
    (home / "darkstar.yaml").write_text("sites: [")
    done = darkstar("init", "--yes", "--json")
    assert (done.code, done.error["code"]) == (2, "configuration")


def test_init_asks_only_what_it_cannot_guess_when_a_person_can_answer(
    home: Path, darkstar: Darkstar, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert home.is_dir()
    monkeypatch.setattr(sys, "stdin", Terminal("FI", "10", "", "", "", "", ""))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    done = darkstar("init")
    assert done.code == 0, done.err
    site = load_settings().sites["home"]
    assert (site.area, site.timezone, site.currency) == ("FI", "Europe/Helsinki", "EUR")
    assert (site.battery.capacity_kwh, site.battery.charge_kw, site.battery.discharge_kw) == (10, 5, 5)


@pytest.mark.parametrize(
    ("area", "zone", "currency", "wear"),
    [
        pytest.param("GB", "Europe/London", "GBP", 0.015, id="c37"),
        pytest.param("SEM", "Europe/Dublin", "EUR", 0.018, id="Ireland's area begins like Sweden"),
        pytest.param("DE-LU", "Europe/Berlin", "EUR", 0.018, id="two countries"),
        pytest.param("IT_NORD", "Europe/Rome", "EUR", 0.018, id="a part of a country"),
        pytest.param("hu", "Europe/Budapest", "HUF", 7.3, id="small letters"),
    ],
)
def test_init_outside_sweden_has_the_zone_the_currency_and_no_swedish_fees(
    home: Path, darkstar: Darkstar, area: str, zone: str, currency: str, wear: float
) -> None:
    assert home.is_dir()
    done = darkstar("init", "--area", area, "--yes")
    assert done.code == 0
    assert "VAT, transfer fee and energy tax are 0" in done.err
    site = load_settings().sites["home"]
    assert (site.timezone, site.currency, site.battery.wear_cost_per_kwh) == (zone, currency, wear)
    assert [(t.vat, t.transfer_fee, t.energy_tax) for t in site.tariff] == [(0, 0, 0)]


@pytest.mark.parametrize("area", ["SA1", "SE5", "SEX", "CAISO", "QLD1"])
def test_init_asks_what_an_unknown_area_does_not_tell(home: Path, darkstar: Darkstar, area: str) -> None:
    done = darkstar("init", "--area", area, "--yes", "--json")
    assert done.code == 2
    assert "timezone and the currency of price area" in done.error["message"]
    assert "--timezone" in done.error["hint"]
    assert "--currency" in done.error["hint"]
    assert not (home / "darkstar.yaml").exists()
    assert darkstar("init", "--area", area, "--yes", "--timezone", "Australia/Adelaide", "--currency", "aud").code == 0
    site = load_settings().sites["home"]
    assert (site.area, site.timezone, site.currency) == (area, "Australia/Adelaide", "AUD")


def test_init_refuses_a_currency_that_is_none(home: Path, darkstar: Darkstar) -> None:
    assert home.is_dir()
    done = darkstar("init", "--area", "GB", "--currency", "pounds", "--yes", "--json")
    assert (done.code, done.error["message"]) == (2, "currency 'pounds' is no ISO code")


def test_init_in_the_euro_area_of_a_krona_country_keeps_what_was_given(home: Path, darkstar: Darkstar) -> None:
    assert home.is_dir()
    assert darkstar("init", "--area", "SE3", "--currency", "EUR", "--yes").code == 0
    site = load_settings().sites["home"]
    assert (site.timezone, site.currency, site.tariff[0].energy_tax) == ("Europe/Stockholm", "EUR", 0)


def test_init_asks_a_person_for_what_an_unknown_area_does_not_tell(
    home: Path, darkstar: Darkstar, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert home.is_dir()
    monkeypatch.setattr(sys, "stdin", Terminal("NSW1", "Australia/Sydney", "aud", "10", "5", "n", "", ""))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    done = darkstar("init")
    assert done.code == 0, done.err
    site = load_settings().sites["home"]
    assert (site.area, site.timezone, site.currency) == ("NSW1", "Australia/Sydney", "AUD")


def test_init_takes_the_grid_company_s_dated_tariff_and_the_connection(home: Path, darkstar: Darkstar) -> None:
    done = darkstar(
        "init", "--area", "se3", "--grid-company", "ellevio", "--fuse", "20", "--inverter-kw", "8", "--pv", "--yes"
    )
    assert done.code == 0, done.err
    site = load_settings().sites["home"]
    assert (site.area, site.limits.import_kw, site.limits.inverter_kw, site.has_pv) == ("SE3", 13.8, 8.0, True)
    taxes = {version.valid_from.year: version.energy_tax for version in site.tariff}
    assert (taxes[2025], taxes[2026]) == (0.439, 0.36)
    assert [version.valid_from.isoformat() for version in site.tariff if version.power][-1] == "2026-01-01"
    assert "46 municipalities" in done.err
    assert "source: " in (home / "darkstar.yaml").read_text()


def test_init_says_which_fees_of_the_catalogue_are_not_known(home: Path, darkstar: Darkstar) -> None:
    assert home.is_dir()
    done = darkstar("init", "--area", "BE", "--grid-company", "fluvius-west", "--yes")
    assert done.code == 0
    assert "transfer_fee of the tariff from 2000-01-01 on is not known" in done.err
    power = load_settings().sites["home"].tariff[0].power[0]
    assert (power.price_per_kw, power.minutes, power.rolling_months, power.minimum_kw) == (4.7583, 15, 12, 2.5)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--area", "SE"), "give one of SE1, SE2, SE3, SE4"),
        (("--area", "SE5"), "it is none of SE1, SE2, SE3, SE4"),
        (("--grid-company", "elevio"), "did you mean ellevio?"),
        (("--area", "PL", "--grid-company", "tauron"), "no grid company in PL"),
        (("--fuse", "0.5"), "is none of a home"),
        (("--battery-kwh", "10000"), "not Wh"),
    ],
)
def test_init_refuses_what_cannot_be(home: Path, darkstar: Darkstar, words: tuple[str, ...], said: str) -> None:
    done = darkstar("init", "--yes", *words)
    assert done.code == 2
    assert said in done.err
    assert not (home / "darkstar.yaml").exists()


def test_init_asks_a_person_again_until_it_can_be(
    home: Path, darkstar: Darkstar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Area, battery, panels, inverter, fuse, grid company: each wrong once, but for the battery."""
    assert home.is_dir()
    answers = ("SE", "SE5", "se3", "10", "5", "y", "-1", "8", "2000", "25", "99", "elevio", "goteborg-energi")
    monkeypatch.setattr(sys, "stdin", Terminal(*answers))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    done = darkstar("init")
    assert done.code == 0, done.err
    site = load_settings().sites["home"]
    assert (site.area, site.has_pv, site.limits.inverter_kw, site.limits.import_kw) == ("SE3", True, 8.0, 17.25)
    assert site.tariff[-1].power[0].price_per_kw == 36.0
    for said in ("give one of SE1", "no number of at least 0", "is none of a home", "did you mean"):
        assert said in done.err


def test_init_says_that_usual_fees_stand_and_how_to_have_today_s(home: Path, darkstar: Darkstar) -> None:
    done = darkstar("init", "--yes", "--area", "SE4")
    (tariff,) = load_settings().sites["home"].tariff
    assert (tariff.transfer_fee, tariff.energy_tax) == (0.2456, 0.439)
    assert "since 2026-01-01 it is 0.36" in done.err
    assert "darkstar --site home tariffs use ID" in done.err
    assert home.is_dir()
    tariff_row = next(row for row in darkstar("doctor", "--json").document["checks"] if row["check"] == "tariff")
    assert "darkstar --site home tariffs use ID (for ID one of" in str(tariff_row)
