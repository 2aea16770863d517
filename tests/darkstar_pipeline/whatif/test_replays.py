"""What-ifs equal a site that is really so, evaluated afresh, and leave the state folder as it was."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.errors import ConfigurationError, DataMissingError
from darkstar_pipeline.evaluation.range_verdict import evaluate_range
from darkstar_pipeline.warehouse.schemas import METER_READINGS, SLOT_OBSERVATIONS, SPOT_PRICES
from darkstar_pipeline.whatif.changed_context import what_if
from darkstar_pipeline.whatif.changed_lake import ReadOnlyLakeError
from darkstar_pipeline.whatif.changes import Changes, Relaxation
from darkstar_pipeline.whatif.replays import ReplayedWhatIf, replay_what_if
from planner.whatif.house import AddedLoad, HouseChange
from tests.builders.graded_home import graded_context
from tests.builders.small_home import DAYS, FIRST, LAST, SHORT_DAY, ZONE, small_context
from tests.builders.state_hash import state_hash


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    """The graded fortnight, across the day of 100 slots."""
    return graded_context(tmp_path_factory.mktemp("whatif"))


def really_so(context: Context, folder: Path, site: dict[str, Any], house: HouseChange | None = None) -> Context:
    """A site that is configured so, whose readings are those of the other house."""
    other = graded_context(folder)
    if house is not None:
        for table in (METER_READINGS, SLOT_OBSERVATIONS):
            rows = other.lake.read(table, context.site_name)
            other.lake.write_days(table, context.site_name, DAYS, house.applied(rows, ZONE))
    settings = Settings.model_validate({"sites": {"home": {"first_day": "2025-01-01", **site}}})
    return open_context(settings=settings, home=folder)


def check_equal(replayed: ReplayedWhatIf, other: Context) -> None:
    """The figures are those of `darkstar evaluate` of the other site."""
    policies = [comparison.policy for comparison in replayed.comparisons]
    totals = evaluate_range(other, FIRST, LAST, ("idle", *policies), references=()).evaluation.totals
    cost = {row["policy"]: row["total_cost"] for row in totals.to_dicts()}
    imported = {row["policy"]: row["import_kwh"] for row in totals.to_dicts()}
    for comparison in replayed.comparisons:
        assert comparison.changed.cost == pytest.approx(cost[comparison.policy], abs=1e-6)
        assert comparison.changed.saving == pytest.approx(cost["idle"] - cost[comparison.policy], abs=1e-6)
        assert comparison.changed.import_kwh == pytest.approx(imported[comparison.policy], abs=1e-6)
        figures = comparison.changed
        whole = figures.energy + figures.wear + figures.demand_charge - figures.settlement
        assert whole == pytest.approx(figures.cost, abs=1e-9)


@pytest.mark.parametrize(
    ("settings", "policies", "so"),
    [
        (
            {"battery.capacity_kwh": 15, "limits.import_kw": 11, "tariff.vat": 0.2},
            ("value", "oracle"),
            {"battery": {"capacity_kwh": 15}, "limits": {"import_kw": 11}, "tariff": [{"vat": 0.2}]},
        ),
        (  # planners of a demand charge take a minute here
            {"tariff.power": [{"price_per_kw": 60}]},
            ("self_consumption",),
            {"tariff": [{"power": [{"price_per_kw": 60}]}]},
        ),
    ],
    ids=["battery", "demand_charge"],
)
def test_replay_equals_a_site_configured_so_when_settings_change(
    context: Context, tmp_path: Path, settings: dict[str, Any], policies: tuple[str, ...], so: dict[str, Any]
) -> None:
    before = state_hash(context.home)
    replayed = replay_what_if(what_if(context, Changes(settings=settings)), FIRST, LAST, policies)
    assert state_hash(context.home) == before
    check_equal(replayed, really_so(context, tmp_path, so))
    assert {row["setting"].replace("tariff.0", "tariff") for row in replayed.case.rows} == set(settings)
    assert SHORT_DAY in replayed.left_out["day"].to_list()


@pytest.mark.slow  # two weeks of `value` and `oracle`, four times
def test_replay_equals_a_home_that_reads_so_when_the_house_changes(context: Context, tmp_path: Path) -> None:
    before = state_hash(context.home)
    added = (AddedLoad(kw=3, start_minute=22 * 60, end_minute=4 * 60),)
    house = HouseChange(load_scale=1.2, pv_scale=1.5, added=added)
    replayed = replay_what_if(what_if(context, Changes(house=house)), FIRST, LAST, ("value", "oracle"))
    assert state_hash(context.home) == before
    check_equal(replayed, really_so(context, tmp_path, {}, house))
    idle = replayed.comparisons[0].difference
    assert idle.import_kwh > 0


def test_other_areas_prices_are_taken_from_another_site_of_the_configuration(tmp_path: Path) -> None:
    context = graded_context(tmp_path)
    rows = context.lake.read(SPOT_PRICES, "home").with_columns(pl.lit("south").alias("site"), price=-pl.col("price"))
    context.lake.write_days(SPOT_PRICES, "south", DAYS[:-1], rows.filter(pl.col("local_day") < LAST))
    sites = {**context.settings.sites, "south": SiteSettings(area="SE4")}
    both = replace(context, settings=Settings(sites=sites))
    replayed = replay_what_if(what_if(both, Changes(area="SE4")), FIRST, LAST, ["oracle"])
    assert LAST not in replayed.days  # the other area has no price of it
    assert dict(replayed.left_out.iter_rows())[LAST] == "the other area's prices are not whole"
    assert replayed.comparisons[0].changed.energy < replayed.comparisons[0].site.energy


def test_other_area_is_refused_when_nothing_has_its_prices(context: Context) -> None:
    with pytest.raises(DataMissingError, match="no prices of SE4"):
        what_if(context, Changes(area="SE4"))
    with pytest.raises(ConfigurationError, match="EUR"):
        what_if(context, Changes(area="FI"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"battery.capacty_kwh": 15}, r"battery\.capacty_kwh: no such setting \(did you mean capacity_kwh\?\)"),
        ({"battery.min_soc_percent": 0.1}, "looks like a share"),
        ({"battery": 3}, "is no section"),
        ({"tariff.3.vat": 0.1}, "there is no item 3"),
        ({"area": "SE5"}, "SE5|no prices"),
        ({"nonsense.capacity": 1}, "nonsense: no such setting"),
        ({"": 1}, "is no name of a setting"),
        ({"battery.capacity_kwh": -1, "tariff.vat": 2}, r"(?s)capacity_kwh.*vat"),
    ],
)
def test_settings_are_checked_as_if_they_stood_in_the_file(
    context: Context, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises((ConfigurationError, DataMissingError), match=message):
        what_if(context, Changes(settings=settings))


def test_relaxed_economics_are_marked_and_priced_at_the_homes_own(context: Context) -> None:
    relaxed = Changes(relaxation=Relaxation(no_wear=True, most_export=0.1))
    case = what_if(context, relaxed)
    [comparison] = replay_what_if(case, FIRST, LAST, ["oracle"]).comparisons
    assert case.relaxed == ["wear 0", "export price at most 0.1"]
    assert comparison.changed.wear == 0
    assert comparison.own_cost is not None
    assert comparison.own_cost >= comparison.site.cost - 1e-6  # hindsight at the home's own economics is the best
    with pytest.raises(ConfigurationError, match="is not at most 0"):
        what_if(context, Changes(relaxation=Relaxation(least_export=1, most_export=0)))


def test_nothing_can_be_written_through_a_what_if(context: Context) -> None:
    lake = what_if(context, Changes(house=HouseChange(pv_scale=2))).changed.lake
    with pytest.raises(ReadOnlyLakeError):
        lake.write_days(SPOT_PRICES, "home", DAYS[:1], lake.read(SPOT_PRICES, "home", FIRST, FIRST))
    with pytest.raises(ReadOnlyLakeError):
        lake.merge_days(SPOT_PRICES, "home", (FIRST, FIRST), lambda rows: rows)


def test_unmaterialised_days_are_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(DataMissingError, match="materialised"):
        replay_what_if(what_if(small_context(tmp_path), Changes()), FIRST, LAST, ["value"])


def test_a_span_that_begins_late_in_a_charged_month_says_what_is_taken_of_its_peaks(context: Context) -> None:
    charged = what_if(context, Changes(settings={"tariff.power": [{"price_per_kw": 60}]}))
    [later] = replay_what_if(charged, DAYS[3], DAYS[4], ["idle"]).assumptions
    assert f"before {DAYS[3]}" in later
    assert "stand" in later
    [first] = replay_what_if(charged, DAYS[0], DAYS[1], ["idle"]).assumptions
    assert first.startswith("nothing was read of ")
    assert replay_what_if(what_if(context, Changes()), DAYS[3], DAYS[4], ["idle"]).assumptions == []
