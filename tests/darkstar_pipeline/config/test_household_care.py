"""Reserve and care in the settings: what is refused, and that a home without them is the home it was."""

import pytest
from pydantic import ValidationError

from darkstar_pipeline.config.fingerprints import config_version
from darkstar_pipeline.config.site import SiteSettings
from env.care import NO_CARE

RESERVE = {"percent": 20, "start": "22:00", "end": "06:00", "months": [11, 12, 1, 2]}


def site_with(care: dict[str, object], **battery: object) -> SiteSettings:
    return SiteSettings.model_validate({"household": {"care": care}, "battery": battery})


def test_care_reaches_the_home_in_the_rooms_words() -> None:
    site = site_with({"reserve": [RESERVE], "full_charge_every_days": 14, "resting_soc_max_percent": 80})
    care = site.site("home").care
    assert care.reserve[0].percent == 20
    assert care.reserve[0].window.start_minute == 22 * 60
    assert (care.full_charge_days, care.resting_soc_percent) == (14, 80)


def test_a_home_without_care_keeps_its_fingerprint_and_one_with_it_gets_another() -> None:
    assert SiteSettings().site("home").care == NO_CARE
    for stage in ("oracle", "policies"):
        assert config_version(site_with({}), stage) == config_version(SiteSettings(), stage)
        assert config_version(site_with({"reserve": [RESERVE]}), stage) != config_version(SiteSettings(), stage)


@pytest.mark.parametrize(
    ("care", "battery", "message"),
    [
        ({"reserve": [{"percent": 0.2}]}, {}, "in percent it is 20"),
        ({"reserve": [{"percent": 95}]}, {}, "at most 88"),
        ({"reserve": [{}]}, {}, "percent"),
        ({"full_charge_every_days": 14}, {"max_soc_percent": 90}, "resting_soc_max_percent to 90"),
        ({"full_charge_every_days": 1}, {}, "greater than or equal to 2"),
        ({"resting_soc_max_percent": 10}, {}, "nothing could be stored"),
        ({"resting_soc_max_percent": 0.8}, {}, "in percent it is 80"),
    ],
    ids=["share", "too much", "no percent", "no full charge", "daily", "below minimum", "ceiling as a share"],
)
def test_care_that_cannot_be_is_refused_with_its_remedy(
    care: dict[str, object], battery: dict[str, object], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        site_with(care, **battery)
