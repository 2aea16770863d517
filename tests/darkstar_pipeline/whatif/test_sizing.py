"""Grids of sizes: each equals the site configured so, and a file of readings and an area are enough."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from darkstar_pipeline.context import Context
from darkstar_pipeline.errors import ConfigurationError, DataMissingError
from darkstar_pipeline.evaluation.range_verdict import evaluate_range
from darkstar_pipeline.warehouse.schemas import METER_READINGS, RAW_SPOT_PRICES
from darkstar_pipeline.whatif.changed_context import what_if
from darkstar_pipeline.whatif.changes import Changes
from darkstar_pipeline.whatif.file_home import file_home, lender_of
from darkstar_pipeline.whatif.sizing import Question, size_grid
from planner.whatif.house import HouseChange
from planner.whatif.sizing import Costs, Size
from tests.builders.graded_home import graded_context
from tests.builders.small_home import FIRST, LAST, SHORT_DAY, small_context
from tests.builders.state_hash import state_hash


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    """The graded fortnight."""
    return graded_context(tmp_path_factory.mktemp("sizing"))


def evaluated(context: Context, settings: dict[str, Any], pv_scale: float = 1.0) -> dict[str, float]:
    """Costs by policy of the site configured so."""
    changed = what_if(context, Changes(settings=settings, house=HouseChange(pv_scale=pv_scale))).changed
    totals = evaluate_range(changed, FIRST, LAST, ("idle", "value"), references=()).evaluation.totals
    return {row["policy"]: row["total_cost"] for row in totals.to_dicts()}


def test_each_size_equals_a_site_configured_so_and_nothing_is_written(context: Context) -> None:
    before = state_hash(context.home)
    question = Question(
        capacities_kwh=(5, 12),
        powers_kw=(3, 6),
        pv_scales=(2.0,),
        costs=Costs(per_kwh=100, per_kw=10, per_kwp=50, fixed=1000),
        panels_kwp=4,
        scaled=True,
    )
    grid = size_grid(context, Changes(), question, FIRST, LAST, workers=1)
    assert state_hash(context.home) == before
    assert [result.size for result in grid.results] == [
        Size(capacity_kwh=capacity, power_kw=power, pv_scale=2.0) for capacity in (5, 12) for power in (3, 6)
    ]
    now = evaluated(context, {})["idle"]
    last = grid.results[-1]
    so = evaluated(
        context, {"battery.capacity_kwh": 12, "battery.charge_kw": 6, "battery.discharge_kw": 6}, pv_scale=2.0
    )
    assert last.saving == pytest.approx(now - so["value"], abs=1e-6)
    assert last.figures.cost == pytest.approx(so["value"], abs=1e-6)
    assert last.bill_saving == pytest.approx(last.saving + last.figures.wear)
    assert last.price == pytest.approx(1000 + 12 * 100 + 6 * 10 + 4 * 50)
    assert grid.year_factor is not None
    assert grid.year_factor == pytest.approx(365 / len(grid.days))
    assert last.price is not None
    assert last.payback_years == pytest.approx(last.price / (last.bill_saving * grid.year_factor))
    assert SHORT_DAY in grid.left_out["day"].to_list()


def test_taper_keeps_its_levels_and_goes_with_the_power_of_each_size(context: Context) -> None:
    """The home's battery of 8 kW takes 8 kW to 70 % and 1 kW when full: one of 4 kW 4 kW and 0.5 kW."""
    tapered = Changes(
        settings={"battery.charge_taper": [[70, 8], [100, 1]], "battery.discharge_taper": [[0, 2], [20, 8]]}
    )
    question = Question(capacities_kwh=(5,), powers_kw=(4,), policy="self_consumption")
    grid = size_grid(context, tapered, question, FIRST, LAST, workers=1)
    battery = {"battery.capacity_kwh": 5, "battery.charge_kw": 4, "battery.discharge_kw": 4}
    tapers = {"battery.charge_taper": [[70, 4], [100, 0.5]], "battery.discharge_taper": [[0, 1], [20, 4]]}
    changed = what_if(context, Changes(settings=battery | tapers)).changed
    totals = evaluate_range(changed, FIRST, LAST, ("self_consumption",), references=()).evaluation.totals
    assert grid.results[0].figures.cost == pytest.approx(totals["total_cost"][0], abs=1e-6)


def test_days_that_are_no_year_have_no_payback_unless_they_are_to_be_scaled(context: Context) -> None:
    question = Question(capacities_kwh=(5,), powers_kw=(3,), policy="self_consumption", costs=Costs(fixed=1))
    grid = size_grid(context, Changes(), question, FIRST, LAST, workers=1)
    assert grid.year_factor is None
    assert grid.results[0].yearly_saving is grid.results[0].payback_years is None
    assert grid.results[0].price == 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"capacities_kwh": (5, 0)}, "a capacity of 0 kWh is no battery"),
        ({"powers_kw": (-1,)}, "a power of -1 kW is no battery"),
        ({"policy": "idle"}, "cannot size"),
        ({"capacities_kwh": tuple(range(1, 202))}, "too many"),
        ({"costs": Costs(per_kwp=1)}, "panels have a price"),
    ],
)
def test_sizes_that_cannot_be_are_refused(context: Context, wrong: dict[str, Any], message: str) -> None:
    question = Question(**{"capacities_kwh": (5,), "powers_kw": (3,), **wrong})
    with pytest.raises(ConfigurationError, match=message):
        size_grid(context, Changes(), question, FIRST, LAST, workers=1)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """Files of the fortnight: load and PV, the meter's import and export, prices."""
    folder = tmp_path_factory.mktemp("files")
    lake = small_context(folder / "state").lake
    readings = lake.read(METER_READINGS, "home").select("slot_start", "load_kwh", "pv_kwh")
    net = pl.col("load_kwh") - pl.col("pv_kwh")
    meter = readings.select("slot_start", import_kwh=net.clip(lower_bound=0), export_kwh=(-net).clip(lower_bound=0))
    paths = folder / "load.parquet", folder / "meter.parquet", folder / "prices.parquet"
    readings.write_parquet(paths[0])
    meter.write_parquet(paths[1])
    lake.read(RAW_SPOT_PRICES, "home").select("slot_start", "price").write_parquet(paths[2])
    return paths


def test_file_and_area_are_enough_and_a_meter_says_the_same_as_load_and_pv(files: tuple[Path, Path, Path]) -> None:
    load, meter, prices = files
    question = Question(capacities_kwh=(10,), powers_kw=(5,))
    grids = []
    for readings in (load, meter):
        with file_home(readings, "SE3", prices=prices) as home:
            assert (home.first, home.last) == (FIRST, LAST)
            folder = home.context.home
            grids.append(size_grid(home.context, Changes(), question, home.first, home.last, workers=1))
        assert not folder.exists()
    assert any("a battery sees their difference alone" in note for note in home.notes)
    one, other = (grid.results[0].saving for grid in grids)
    assert one > 0
    assert other == pytest.approx(one, rel=0.02)  # forecasts of the two differ: PV is not seen beneath the load
    assert SHORT_DAY in grids[0].left_out["day"].to_list()


def test_prices_are_lent_by_a_configured_site_of_the_area(
    files: tuple[Path, Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lender = graded_context(tmp_path / "state")
    (tmp_path / "darkstar.yaml").write_text("sites: {home: {area: SE3}}")
    monkeypatch.setenv("DARKSTAR_CONFIG", str(tmp_path / "darkstar.yaml"))
    monkeypatch.setenv("DARKSTAR_HOME", str(tmp_path / "state"))
    assert lender_of("SE4", None) is None
    found = lender_of("SE3", None)
    assert found is not None
    before = state_hash(lender.home)
    with file_home(files[0], "SE3", lender=found) as home:
        assert home.context.lake.days(RAW_SPOT_PRICES, "home")[-1] == LAST
    assert state_hash(lender.home) == before
    with pytest.raises(ConfigurationError, match="not of SE4"):
        lender_of("SE4", "home")


def test_prices_that_are_nowhere_are_refused_with_the_remedy(files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    later = tmp_path / "later.parquet"
    pl.read_parquet(files[0]).with_columns(pl.col("slot_start") - timedelta(days=900)).write_parquet(later)
    lender = graded_context(tmp_path / "state")
    with pytest.raises(DataMissingError, match="has no prices"), file_home(later, "SE3", lender=lender):
        pass
    with pytest.raises(ConfigurationError, match="price area"), file_home(files[0], "Atlantis", prices=files[2]):
        pass


@pytest.mark.thorough  # every source is waited for
def test_prices_that_no_source_gives_are_told_with_the_reason(files: tuple[Path, Path, Path]) -> None:
    with pytest.raises(DataMissingError, match=r"no prices of SE3 .* came"), file_home(files[0], "SE3"):
        pass  # tests have no network
