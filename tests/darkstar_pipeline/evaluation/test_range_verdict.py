"""Results of policies: stored where they hold for the configuration, else replayed under the given protocol."""

from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from darkstar_pipeline.config.fingerprints import config_version
from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.replay_inputs import protocol_of
from darkstar_pipeline.errors import ConfigurationError, DataMissingError
from darkstar_pipeline.evaluation.range_verdict import check_policies, evaluate_range, policy_results
from darkstar_pipeline.warehouse.schemas import POLICY_DAILY_RESULTS
from tests.builders.graded_home import graded_context
from tests.builders.small_home import SHORT_DAY

DAY = date(2025, 10, 28)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    """A graded fortnight with one stored result of self-consumption, whose cost is recognisable."""
    context = graded_context(tmp_path_factory.mktemp("graded"))
    results = policy_results(context, "self_consumption", [DAY])
    version = config_version(context.site_settings, "policies")
    stored = results.with_columns(
        pl.lit(context.site_name).alias("site"),
        pl.lit(version).alias("config_version"),
        pl.lit("clean").alias("quality"),
        cost=pl.lit(1234.5),
    )
    context.lake.write_day(POLICY_DAILY_RESULTS, context.site_name, DAY, stored)
    return context


def test_results_are_read_back_when_they_are_stored_for_the_configured_protocol(context: Context) -> None:
    configured = protocol_of(context.site_settings, context.site.battery)
    for results in (
        policy_results(context, "self_consumption", [DAY]),
        policy_results(context, "self_consumption", [DAY], protocol=configured),
    ):
        assert results["cost"].to_list() == [1234.5]


def test_results_are_replayed_from_the_given_start_when_the_protocol_is_another(context: Context) -> None:
    protocol = replace(protocol_of(context.site_settings, context.site.battery), start_soc_kwh=9.0)
    results = policy_results(context, "self_consumption", [DAY], protocol=protocol)
    assert results["start_soc_kwh"].to_list() == [9.0]
    assert results["cost"][0] != 1234.5


def test_range_leaves_out_the_refused_day_with_its_reason(context: Context) -> None:
    verdict = evaluate_range(context, SHORT_DAY, date(2025, 10, 25), ["self_consumption"])
    assert verdict.left_out["day"].to_list() == [SHORT_DAY]
    assert "missing" in verdict.left_out["reasons"][0]
    assert verdict.evaluation.totals["policy"].to_list() == ["self_consumption"]


def test_range_is_refused_when_no_day_of_it_is_graded_or_usable(context: Context) -> None:
    with pytest.raises(DataMissingError, match="is materialised"):
        evaluate_range(context, date(2024, 1, 1), date(2024, 1, 2), ["idle"])
    with pytest.raises(DataMissingError, match="none of 1 graded days is usable"):
        evaluate_range(context, SHORT_DAY, SHORT_DAY, ["idle"])


def test_unknown_policies_are_named_when_they_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="nonsense"):
        check_policies(["idle", "nonsense"])
