from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest
import yaml

from darkstar_pipeline.config.settings import load_settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.config.tariff import TariffSettings
from darkstar_pipeline.config.tariffs.catalogue import GridCompany, catalogue
from darkstar_pipeline.config.tariffs.dated_versions import tariff_versions
from darkstar_pipeline.config.writer import SAMPLE_SITE, SiteExistsError, add_site, set_tariff
from darkstar_pipeline.errors import ConfigurationError

DEFAULTS = SiteSettings.model_validate({})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "darkstar.yaml"


def test_add_site_writes_the_designs_money_when_the_file_is_new(path: Path) -> None:
    settings = add_site(path, "home", DEFAULTS)
    assert settings == load_settings(path)
    assert settings.sites == {"home": DEFAULTS}
    assert settings.default_site == "home"
    site = load_settings(path).sites["home"]
    battery, (tariff,), limits = site.battery, site.tariff, site.limits
    assert (battery.capacity_kwh, battery.min_soc_percent, battery.max_soc_percent) == (34.2, 12, 100)
    assert (battery.charge_kw, battery.discharge_kw, battery.round_trip_efficiency) == (8, 8, 0.95)
    assert battery.wear_cost_per_kwh == 0.20
    assert (tariff.vat, tariff.transfer_fee, tariff.energy_tax) == (0.25, 0.2456, 0.439)
    assert (tariff.export_share, tariff.export_bonus, tariff.export_fee) == (1, 0, 0)
    assert (limits.import_kw, limits.export_kw, limits.inverter_kw, limits.curtailable) == (None, None, None, False)
    assert (site.timezone, site.protocol.start_soc_percent) == ("Europe/Stockholm", 50)


def test_add_site_writes_every_setting_with_a_comment_when_the_file_is_new(path: Path) -> None:
    add_site(path, "home", DEFAULTS)
    lines = path.read_text().splitlines()
    assert "      curtailable: false  # true: curtail surplus PV rather than export it at a negative price" in lines
    written = yaml.safe_load(path.read_text())["sites"]["home"]
    assert set(written) == set(SiteSettings.model_fields)
    bare = [line for line in lines if line.strip() and "#" not in line]
    assert bare == ["sites:", "  home:"]


def test_add_site_round_trips_when_values_need_quoting(path: Path) -> None:
    site = SiteSettings.model_validate(
        {
            "area": "NO",
            "currency": "1e3",
            "second_price_file": "a b: #c.csv",
            "tariff": [
                {"valid_from": date(2024, 1, 1)},
                {
                    "valid_from": date(2025, 1, 1),
                    "time_of_use": [
                        {"months": [1, 2], "weekdays": [1], "start": "06:00", "end": "22:30", "transfer_fee": 0.0},
                        {"start": "22:30", "energy_tax": -0.1},
                    ],
                    "power": [
                        {"price_per_kw": 65.0, "windows": [{"start": "22:00", "end": "06:00", "weight": 0.5}]},
                        {
                            "minutes": 15,
                            "months": [1],
                            "tiers": [{"up_to_kw": 2, "cost": 83}, {"up_to_kw": 5, "cost": 147}],
                        },
                    ],
                },
            ],
            "limits": {"export_kw": 0.0, "curtailable": True},
            "extra_batteries": [{"capacity_kwh": 5.0, "charge_curve": [[2, 0.9], [8, 0.95]]}, {}],
            "devices": {
                "water_heater": {"power_kw": 3.0, "energy_kwh_per_day": 8.0},
                "vehicle": {"power_kw": 11.0, "from_battery": True},
                "appliances": [{"name": "washer", "power_kw": 2.0, "run_hours": 1.5}],
            },
        }
    )
    add_site(path, "home", site)
    assert load_settings(path).sites["home"] == site


def test_add_site_refuses_and_changes_nothing_when_the_site_exists(path: Path) -> None:
    add_site(path, "home", DEFAULTS)
    before = path.read_bytes()
    with pytest.raises(SiteExistsError, match="'home' is already in"):
        add_site(path, "home", DEFAULTS)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["", "a b", "../x", "-x", "a" * 65])
def test_add_site_refuses_when_the_name_is_not_allowed(path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="not allowed as the name of a site"):
        add_site(path, name, DEFAULTS)
    assert not path.exists()


WRITTEN = """\
# mine

default_site: first  # keep
sites:
    first:   # four spaces
        area: SE4

        # a remark inside
        tariff:
          - vat: 0.2 # last
    # a remark behind
# the end
"""


def test_add_site_keeps_what_a_person_wrote_when_adding_a_second(path: Path) -> None:
    path.write_text(WRITTEN)
    settings = add_site(path, "second", DEFAULTS)
    assert sorted(settings.sites) == ["first", "second"]
    assert settings.default_site == "first"
    kept = path.read_text().splitlines()
    for line in WRITTEN.splitlines():
        assert line in kept
    assert settings.sites["first"].tariff[0].vat == 0.2


@pytest.mark.parametrize(
    ("text", "default"),
    [
        pytest.param("", "new", id="empty file"),
        pytest.param("# only a remark", "new", id="only a remark"),
        pytest.param("sites: {}\n", "new", id="no sites"),
        pytest.param("sites: {}  # none yet\ndefault_site: null # x\n", "new", id="no sites, default after them"),
        pytest.param("sites:\n  a: {}\n", "a", id="the site in use stays in use"),
        pytest.param("sites:\n  a:\n    area: SE1", "a", id="no line end"),
        pytest.param("sites:\r\n  a:\r\n    area: SE1\r\n", "a", id="line ends of another system"),
        pytest.param("sites:\n  a:\n    area: |\n      SE3\n\n  # behind\n", "a", id="block text"),
        pytest.param("sites:\n  a: {}\n  b: {}\n", None, id="two, no default"),
        pytest.param("sites:\n  a: {}\n  b: {}\ndefault_site: b\n", "b", id="two, one the default"),
        pytest.param("sites:\n  sample: {}\ndefault_site: null  # x\n", "new", id="only the sample"),
        pytest.param("sites:\n  sample: {}\ndefault_site:\n", "new", id="only the sample, default empty"),
    ],
)
def test_add_site_finds_its_place_when_the_file_reads(path: Path, text: str, default: str | None) -> None:
    path.write_bytes(text.encode())
    before = {} if "sites" not in text else load_settings(path).sites
    settings = add_site(path, "new", DEFAULTS)
    assert settings == load_settings(path)
    kept = [line for line in text.encode().splitlines() if b"default" not in line and b"{}" not in line]
    assert set(kept) <= set(path.read_bytes().splitlines())
    assert settings.sites == {**before, "new": DEFAULTS}
    assert settings.default_site == default


def test_add_site_refuses_and_changes_nothing_when_sites_are_in_braces(path: Path) -> None:
    path.write_text("sites: {a: {area: SE1}}\n")
    with pytest.raises(ConfigurationError, match="not written as indented lines"):
        add_site(path, "new", DEFAULTS)
    assert path.read_text() == "sites: {a: {area: SE1}}\n"


def test_add_site_keeps_the_sample_from_being_the_default_when_it_comes_first(path: Path) -> None:
    assert add_site(path, SAMPLE_SITE, DEFAULTS).default_site is None
    assert add_site(path, "home", DEFAULTS).default_site == "home"


def test_add_site_keeps_the_default_when_the_sample_comes_second(path: Path) -> None:
    path.write_text("sites:\n  home: {}\n")
    assert add_site(path, SAMPLE_SITE, DEFAULTS).default_site == "home"


def test_examples_of_devices_are_valid_when_their_comment_sign_is_taken_away(path: Path) -> None:
    """The settings accept the examples that the file offers to copy."""
    add_site(path, "home", DEFAULTS)
    lines = path.read_text().splitlines()
    shown = [line.strip().removeprefix("# ") for line in lines if line.strip().startswith("# ")]
    named = {
        line.split(":")[0]: yaml.safe_load(line) for line in shown if line.startswith(("water_heater:", "vehicle:"))
    }
    appliance, battery = (
        yaml.safe_load(next(x for x in shown if x.startswith(key))) for key in ("- {name", "- {capac")
    )
    written = {"devices": {**named["water_heater"], **named["vehicle"], "appliances": appliance}}
    site = SiteSettings.model_validate({**written, "extra_batteries": battery}).site("home")
    assert site.devices.water_heater is not None
    assert site.devices.vehicle is not None
    assert (len(site.devices.appliances), len(site.extra_batteries)) == (1, 1)


def test_add_site_keeps_every_site_when_several_are_added_at_once(path: Path) -> None:
    names = [f"home{number}" for number in range(6)]
    with ThreadPoolExecutor(len(names)) as pool:  # the lock is held against threads as against processes
        list(pool.map(lambda name: add_site(path, name, SiteSettings()), names))
    assert sorted(load_settings(path).sites) == names


COMPANIES = [pytest.param(company, id=company.id) for part in catalogue() for company in part.companies]


@pytest.mark.parametrize("company", COMPANIES)
def test_a_dated_tariff_is_written_short_and_read_back_as_it_is(path: Path, company: GridCompany) -> None:
    tariff = tariff_versions(company.areas[0], company, has_pv=True)
    given = [version.model_dump() for version in tariff]
    site = SiteSettings.model_validate({"area": company.areas[0], "tariff": given})
    assert add_site(path, "home", site).sites["home"].tariff == tariff
    assert add_site(path, "cabin", site).sites["cabin"].tariff == tariff
    lines = path.read_text().splitlines()
    later = sum(line.strip().startswith("valid_until:") for line in lines) - 2
    assert len(lines) < 2 * (250 + 60) + 45 * later


OLD = """\
sites:
  cabin:
    area: SE3{comma}
    tariff:
      - energy_tax: 0.4
        power: &mine
          - {{top: 3, price_per_kw: 10.0}}
      - valid_from: 2025-01-01
        power: *mine

    # of the house
  home: {{area: SE4}}
"""


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_set_tariff_leaves_every_other_line_as_it_is(path: Path, end: str) -> None:
    path.write_text(OLD.format(comma="  # mine"), newline=end)
    new = (TariffSettings(energy_tax=0.3), TariffSettings(valid_from=date(2026, 1, 1), energy_tax=0.2))
    assert set_tariff(path, "cabin", new).sites["cabin"].tariff == new
    with path.open(newline="") as handle:
        text = handle.read()
    assert text.startswith(f"sites:{end}  cabin:{end}    area: SE3  # mine{end}    tariff:")
    assert text.endswith(f"{end}{end}    # of the house{end}  home: {{area: SE4}}{end}")
    assert text.count("\n") == text.count(end)


def test_set_tariff_adds_one_where_the_site_has_none_and_refuses_braces(path: Path) -> None:
    path.write_text("sites:\n  cabin:\n    area: SE3\n  home: {area: SE4}\n")
    new = (TariffSettings(energy_tax=0.3),)
    assert set_tariff(path, "cabin", new).sites["cabin"].tariff == new
    before = path.read_text()
    with pytest.raises(ConfigurationError, match="not written as indented lines"):
        set_tariff(path, "home", new)
    assert path.read_text() == before


def test_a_site_is_added_behind_one_that_ends_with_an_alias(path: Path) -> None:
    path.write_text(OLD.format(comma="").replace("  home: {area: SE4}\n", ""))
    added = add_site(path, "home", DEFAULTS)
    assert list(added.sites) == ["cabin", "home"]
    assert added.sites["cabin"].tariff[1].power == added.sites["cabin"].tariff[0].power
