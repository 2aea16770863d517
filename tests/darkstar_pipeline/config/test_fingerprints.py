"""Fingerprints stay those of version 0.1: stored results and trained models are found again by them."""

import pytest
from pydantic import ValidationError

from darkstar_pipeline.config.fingerprints import config_version, tariff_version
from darkstar_pipeline.config.site import SiteSettings

NORWEGIAN = {
    "timezone": "Europe/Oslo",
    "currency": "NOK",
    "battery": {"capacity_kwh": 10.0, "wear_cost_per_kwh": 0.2},
    "tariff": ({"vat": 0.2, "transfer_fee": 0.3, "energy_tax": 0.439, "power": ({"price_per_kw": 40.0},)},),
}


@pytest.mark.parametrize(
    ("written", "tariff", "oracle", "policies"),
    [
        pytest.param({}, "912efb44a97f", "8bd9debbabdc", "dbd9324aa105", id="defaults"),
        pytest.param(NORWEGIAN, "6804d4d5389f", "f03abcad4894", "6d84df90e2c5", id="another tariff"),
    ],
)
def test_fingerprints_are_those_of_version_0_1_when_settings_are_the_same(
    written: dict[str, object], tariff: str, oracle: str, policies: str
) -> None:
    settings = SiteSettings.model_validate(written)
    limited = SiteSettings.model_validate({**written, "limits": {"takes_import_limit": True}})
    assert config_version(limited, "policies") != policies
    assert tariff_version(settings) == tariff
    assert (config_version(settings, "oracle"), config_version(settings, "policies")) == (oracle, policies)


def test_fingerprint_of_policies_differs_with_planes_of_a_roof_alone() -> None:
    usual = SiteSettings.model_validate({})
    planes = SiteSettings.model_validate(
        {"forecast": {"panels": [{"kw": 4, "azimuth": 90}, {"kw": 4, "azimuth": 270}]}}
    )
    assert config_version(usual, "policies") != config_version(planes, "policies")
    assert config_version(usual, "oracle") == config_version(planes, "oracle")
    assert planes.forecast.rated_kw == 8


@pytest.mark.parametrize("single", [{"panels_kw": 8.0}, {"tilt": 20.0}, {"azimuth": 90.0}])
def test_planes_beside_the_settings_of_one_are_refused(single: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match=f"forecast.panels has the {next(iter(single))} of each plane"):
        SiteSettings.model_validate({"forecast": {"panels": [{"kw": 4}], **single}})


@pytest.mark.parametrize(
    "later",
    [{"settlement_minutes": 60}, {"monthly_mean": True}, {"power": [{"price_per_kw": 40, "rolling_months": 12}]}],
)
def test_fingerprints_differ_when_a_later_setting_is_used(later: dict[str, object]) -> None:
    usual = SiteSettings.model_validate({"tariff": [{"power": [{"price_per_kw": 40}]}]})
    other = SiteSettings.model_validate({"tariff": [{"power": [{"price_per_kw": 40}], **later}]})
    assert tariff_version(usual) != tariff_version(other)
    assert config_version(usual, "oracle") != config_version(other, "oracle")
