"""A home's own settings become a row that gives the very same, or are refused by name."""

from typing import Any

import pytest

from darkstar_pipeline.config.fleet.rows import row_settings
from darkstar_pipeline.config.fleet.settings import FleetSettings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.fleet.row_of_home import row_of_home

FLEET = FleetSettings.model_validate(
    {
        "defaults": {"battery": {"capacity_kwh": 8.0}, "limits": {"import_kw": 13.8}},
        "tariffs": {"villa": [{"transfer_fee": 0.3}]},
    }
)


def settings(**changes: Any) -> SiteSettings:
    """A home with the fleet's fuse and another battery."""
    usual = {"battery": {"capacity_kwh": 12.0}, "limits": {"import_kw": 13.8}}
    return SiteSettings.model_validate({**usual, **changes})


@pytest.mark.parametrize(
    "own",
    [
        settings(),
        settings(area="DK1", tariff=[{"transfer_fee": 0.3}]),
        settings(
            battery={"capacity_kwh": 8.0, "min_soc_percent": 20.0}, forecast={"latitude": 59.3, "longitude": 18.1}
        ),
        settings(limits={"import_kw": 13.8, "export_kw": 5.0, "curtailable": True}, has_pv=True),
    ],
)
def test_row_gives_the_same_settings_and_repeats_no_default(own: SiteSettings) -> None:
    row = row_of_home(FLEET, "a", "anna", own)
    assert row_settings(FLEET, row) == own
    assert (row["site"], row["tenant"]) == ("a", "anna")
    assert "import_kw" not in row


def test_class_is_found_by_what_it_says() -> None:
    assert row_of_home(FLEET, "a", "anna", settings(tariff=[{"transfer_fee": 0.3}]))["tariff"] == "villa"


@pytest.mark.parametrize(
    ("changes", "place", "remedy"),
    [
        ({"tariff": [{"transfer_fee": 0.4}]}, "no tariffs like", "under fleet.tariffs"),
        ({"limits": {}}, "limits.import_kw (None, in the fleet 13.8)", "fleet.defaults"),
        ({"policies": ["idle", "oracle"]}, "policies", "fleet.defaults"),
    ],
)
def test_what_no_row_says_is_refused_with_its_place(changes: dict[str, Any], place: str, remedy: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        row_of_home(FLEET, "a", "anna", settings(**changes))
    assert place in refused.value.message
    assert remedy in refused.value.hint


def test_settings_of_its_own_service_stay_with_it() -> None:
    own = settings(service={"port": 9000}, home_assistant={"url": "http://ha.local:8123"})
    assert row_settings(FLEET, row_of_home(FLEET, "a", "anna", own)) == settings()
