import pytest

from darkstar_pipeline.config.settings import Settings


def test_keep_plans_days_of_version_0_1_is_read_with_a_note(caplog: pytest.LogCaptureFixture) -> None:
    sites = {
        "a": {"service": {"keep_plans_days": 90, "port": 9000}},
        "b": {"service": {"keep_plans_days": 60}},
        "c": {},
    }
    settings = Settings.model_validate({"sites": sites})
    assert settings.retention.plans_days == 90
    assert settings.sites["a"].service.port == 9000
    assert "retention.plans_days" in caplog.text
    assert Settings.model_validate({"sites": sites, "retention": {"plans_days": 7}}).retention.plans_days == 7


@pytest.mark.parametrize(
    "sites", [{"a": {"service": {"keep_plans_days": "x"}}}, {"a": {"service": 3}}, [], {"a": None}]
)
def test_a_wrong_value_is_refused_as_one(sites: object) -> None:
    with pytest.raises(ValueError, match=r"sites|retention.plans_days"):
        Settings.model_validate({"sites": sites})
