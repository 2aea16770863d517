from pathlib import Path

import pytest

from darkstar_pipeline.console.failures import describe
from darkstar_pipeline.doctor.finding import failed
from darkstar_pipeline.doctor.stores import check_mlflow
from darkstar_pipeline.errors import OutsideServiceError, without_credentials
from darkstar_pipeline.tracking.mlflow_store import run_url, translate_mlflow_errors

SECRET = "s3cr3t"  # noqa: S105 - of nothing but this test


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql+psycopg2://anna:{SECRET}@db/mlflow refused",
        f"https://{SECRET}@mlflow.local",
        f"http://anna:p@{SECRET}@host:5000/x",
        f"postgresql://db/mlflow?user=anna&password={SECRET}&sslmode=require",
        f"http://host/?token={SECRET}",
    ],
)
def test_credentials_in_addresses_are_in_no_error_check_or_report(text: str) -> None:
    assert SECRET not in without_credentials(text)
    for told in (describe(OutsideServiceError(text, text)), describe(ValueError(text))):
        assert SECRET not in told.line()
    check = failed("mlflow", text, text)
    assert SECRET not in check.detail + check.remedy


def test_an_address_without_credentials_is_as_it_was() -> None:
    text = "http://homeassistant.local:8123/api?x=1 and sqlite:////home/anna/mlflow.db, mail anna@example.org"
    assert without_credentials(text) == text


def test_mlflow_s_address_is_told_and_linked_without_its_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import OperationalError

    address = f"http://anna:{SECRET}@127.0.0.1:9/mlflow"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    assert run_url("1", "2") == "http://127.0.0.1:9/mlflow/#/experiments/1/runs/2"
    assert SECRET not in check_mlflow(tmp_path).detail
    with pytest.raises(OutsideServiceError) as refused, translate_mlflow_errors(tmp_path):
        raise OperationalError(f"connect {address}", {}, Exception(address))
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "home_assistant",
    [{"url": f"http://anna:{SECRET}@ha:8123"}, {"mqtt": {"host": f"anna:{SECRET}@broker"}}],
    ids=["address of Home Assistant", "host of the broker"],
)
def test_credentials_in_the_configuration_are_refused_and_not_repeated(
    tmp_path: Path, home_assistant: dict[str, object]
) -> None:
    import yaml

    from darkstar_pipeline.config.settings import load_settings
    from darkstar_pipeline.errors import ConfigurationError

    file = tmp_path / "darkstar.yaml"
    file.write_text(yaml.safe_dump({"sites": {"home": {"home_assistant": home_assistant}}}))
    with pytest.raises(ConfigurationError) as refused:
        load_settings(file)
    assert SECRET not in refused.value.message
