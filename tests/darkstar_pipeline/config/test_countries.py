"""Price areas: time zone and currency by country, and what is asked for rather than taken for Swedish."""

import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pydantic import ValidationError

from darkstar_pipeline.config import countries
from darkstar_pipeline.config.battery import BatterySettings
from darkstar_pipeline.config.countries import country_of, market_timezone
from darkstar_pipeline.config.site import SiteSettings
from planner.currencies import PER_EURO


@pytest.mark.parametrize(
    ("area", "code"),
    [
        ("SE4", "SE"), ("SE", "SE"), ("se-3", "SE"), ("NO1", "NO"), ("DK2", "DK"), ("FI", "FI"), ("DE-LU", "DE"),
        ("DE_LU", "DE"), ("IT_NORD", "IT"), ("SEM", "IE"), ("IE(SEM)", "IE"), ("GB", "GB"), ("UK", "GB"), ("EL", "GR"),
        ("10YSE-1--------K", "SE"), ("10YFI-1--------U", "FI"),
        ("SE5", None), ("SE0", None), ("NO6", None), ("DK-3", None), ("NO", "NO"),
        ("SEX", None), ("SA1", None), ("NSW1", None), ("CAISO", None), ("", None), ("X", None),
    ],
)  # fmt: skip
def test_area_tells_its_country_or_nothing(area: str, code: str | None):
    country = country_of(area)
    assert (country and country.code) == code


def test_site_in_another_country_has_nothing_swedish(caplog: pytest.LogCaptureFixture):
    countries._tell_once.cache_clear()  # another test may have had it told in this process
    with caplog.at_level(logging.WARNING):
        site = SiteSettings.model_validate({"area": "GB"})
    assert (site.timezone, site.currency) == ("Europe/London", "GBP")
    assert [(fees.vat, fees.transfer_fee, fees.energy_tax) for fees in site.tariff] == [(0, 0, 0)]
    assert "no VAT, transfer fee, energy tax in the tariff of GB: taken as 0" in caplog.text


def test_fee_that_a_tariff_in_other_money_leaves_out_is_none(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        site = SiteSettings.model_validate({"area": "FI", "tariff": [{"transfer_fee": 0.05, "vat": 0.255}]})
    assert (site.tariff[0].vat, site.tariff[0].transfer_fee, site.tariff[0].energy_tax) == (0.255, 0.05, 0)
    assert "no energy tax in the tariff of FI" in caplog.text


def test_site_keeps_what_is_given():
    written = {"area": "GB", "timezone": "Europe/Jersey", "currency": "EUR", "tariff": [{"vat": 0.05}]}
    site = SiteSettings.model_validate(written)
    assert (site.timezone, site.currency, site.tariff[0].vat) == ("Europe/Jersey", "EUR", 0.05)
    assert SiteSettings.model_validate({"area": "SE3", "currency": "EUR"}).timezone == "Europe/Stockholm"


@pytest.mark.parametrize(
    ("given", "wear"),
    [
        pytest.param({"area": "FI"}, 0.018, id="euro"),
        pytest.param({"area": "HU"}, 7.3, id="forint"),
        pytest.param({"currency": "EUR"}, 0.018, id="without an area"),
        pytest.param({"area": "SE3", "currency": "EUR"}, 0.018, id="not the money of its area"),
        pytest.param({"area": "FI", "battery": {"capacity_kwh": 5.0}}, 0.018, id="a battery without it"),
        pytest.param({"area": "FI", "battery": BatterySettings(capacity_kwh=5.0)}, 0.018, id="a battery as an object"),
        pytest.param({"area": "FI", "battery": {"wear_cost_per_kwh": 0.2}}, 0.2, id="given"),
        pytest.param({"area": "FI", "battery": BatterySettings(wear_cost_per_kwh=0.2)}, 0.2, id="given in an object"),
        pytest.param({}, 0.2, id="Sweden"),
        pytest.param({"area": "SE4"}, 0.2, id="a Swedish area"),
        pytest.param({"currency": "sek"}, 0.2, id="small letters"),
        pytest.param({"area": "NSW1", "timezone": "Australia/Sydney", "currency": "XTS"}, 0.0, id="of unknown worth"),
    ],
)
def test_wear_is_in_the_home_s_money(given: dict[str, Any], wear: float):
    assert SiteSettings.model_validate(given).battery.wear_cost_per_kwh == wear


@given(some.sampled_from(sorted(PER_EURO)))
def test_wear_is_worth_the_same_everywhere(currency: str):
    further = [{"capacity_kwh": 5.0}, {"wear_cost_per_kwh": 1.0}]
    site = SiteSettings.model_validate({"currency": currency, "extra_batteries": further})
    worth = site.battery.wear_cost_per_kwh / PER_EURO[currency] * PER_EURO["SEK"]
    assert worth == pytest.approx(0.2, rel=0.05)
    assert [each.wear_cost_per_kwh for each in site.extra_batteries] == [site.battery.wear_cost_per_kwh, 1.0]


def test_wear_that_is_taken_is_told(caplog: pytest.LogCaptureFixture):
    countries._tell_once.cache_clear()
    with caplog.at_level(logging.WARNING):
        SiteSettings.model_validate({"area": "FI"})
        SiteSettings.model_validate({"currency": "XTS"})
        SiteSettings.model_validate({"area": "SE3"})
    assert "no wear_cost_per_kwh in the battery of FI: taken as 0.018 EUR (it is 0.2 SEK in Sweden)" in caplog.text
    assert "taken as 0, since the worth of XTS is not known" in caplog.text
    assert "SE3" not in caplog.text


def test_site_in_sweden_has_swedish_fees():
    assert SiteSettings.model_validate({"area": "SE1"}) == SiteSettings(area="SE1")
    assert SiteSettings.model_validate({}).tariff[0].energy_tax > 0


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"area": "NSW1"}, "timezone and the currency of price area 'NSW1'"),
        ({"area": "NSW1", "timezone": "Australia/Sydney"}, "the currency of price area"),
        ({"area": "CAISO", "currency": "USD"}, "the timezone of price area"),
    ],
)
def test_unknown_area_needs_what_it_does_not_tell(given: dict[str, str], missing: str):
    with pytest.raises(ValidationError, match=missing):
        SiteSettings.model_validate(given)


@pytest.mark.parametrize(
    ("timezone", "market"),
    [
        ("Europe/Stockholm", "Europe/Brussels"),
        ("Europe/Lisbon", "Europe/Brussels"),
        ("Asia/Nicosia", "Europe/Brussels"),
        ("Europe/Istanbul", "Europe/Istanbul"),
        ("America/New_York", "America/New_York"),
        ("UTC", "UTC"),
    ],
)
def test_days_of_the_market_are_central_european_in_the_coupled_markets(timezone: str, market: str):
    assert market_timezone(timezone) == market
