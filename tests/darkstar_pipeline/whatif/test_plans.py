"""What-if plans equal plans of a site configured so; past days by what was known then, or in hindsight."""

from datetime import UTC, date, datetime, timedelta

import pytest

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.planning.plan_sources import site_plan
from darkstar_pipeline.whatif.changed_context import what_if
from darkstar_pipeline.whatif.changes import Changes, Relaxation
from darkstar_pipeline.whatif.plans import export_what_if, moment_of, plan_what_if
from env.time_grid import day_start
from tests.builders.graded_home import graded_context
from tests.builders.small_home import SHORT_DAY, ZONE
from tests.builders.state_hash import state_hash

DAY = date(2025, 10, 30)
AT = day_start(DAY, ZONE)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    """The graded fortnight."""
    return graded_context(tmp_path_factory.mktemp("plans"))


def test_plan_equals_that_of_a_site_configured_so_and_nothing_is_written(context: Context) -> None:
    settings = Settings.model_validate(
        {"sites": {"home": {"first_day": "2025-01-01", "battery": {"capacity_kwh": 15}}}}
    )
    really_so = open_context(settings=settings, home=context.home)
    before = state_hash(context.home)
    planned = plan_what_if(what_if(context, Changes(settings={"battery.capacity_kwh": 15})), AT, day=DAY)
    _, result = site_plan(really_so, AT)
    assert planned.changed.figures.cost == pytest.approx(result.plan.cost, abs=1e-6)
    assert planned.changed.figures.saving == pytest.approx(result.plan.idle_cost - result.plan.cost, abs=1e-6)
    assert planned.site.figures.cost == pytest.approx(site_plan(context, AT)[1].plan.cost, abs=1e-6)
    for figures in (planned.site.figures, planned.changed.figures):
        parts = figures.energy + figures.wear + figures.demand_charge - figures.settlement
        assert parts == pytest.approx(figures.cost, abs=1e-9)
        assert figures.wear >= -1e-9
    assert planned.own_cost is None
    assert state_hash(context.home) == before


def test_relaxed_plan_is_priced_at_the_homes_own_economics(context: Context) -> None:
    relaxed = what_if(context, Changes(relaxation=Relaxation(no_wear=True, least_export=5.0)))
    planned = plan_what_if(relaxed, AT)
    assert planned.changed.figures.export_kwh > planned.site.figures.export_kwh
    assert planned.own_cost is not None
    assert planned.own_cost > planned.site.figures.cost


def test_moment_of_a_day_is_its_midnight_when_past_else_now(context: Context) -> None:
    now = datetime(2025, 10, 30, 9, tzinfo=UTC)
    assert moment_of(context, DAY - timedelta(days=1), now) == day_start(DAY - timedelta(days=1), ZONE)
    assert moment_of(context, DAY, now) == moment_of(context, DAY + timedelta(days=1), now) == now
    with pytest.raises(DataMissingError, match="a day ahead"):
        moment_of(context, DAY + timedelta(days=2), now)
    with pytest.raises(DataMissingError, match="not published"):
        plan_what_if(what_if(context, Changes()), now, day=DAY + timedelta(days=1))
    with pytest.raises(DataMissingError, match="not published"):
        export_what_if(what_if(context, Changes()), now, 4, [2.0], day=DAY + timedelta(days=1))


def test_hindsight_knows_the_readings_and_refuses_a_day_without_them(context: Context) -> None:
    before = state_hash(context.home)
    case = what_if(context, Changes())
    task, found = export_what_if(case, AT, 4, [2.0], hindsight=True)
    foreseen, _ = export_what_if(case, AT, 4, [2.0])
    assert found.scenarios[0].verified
    assert not task.slots["load_kwh"].equals(foreseen.slots["load_kwh"])
    with pytest.raises(DataMissingError, match="hindsight"):
        export_what_if(case, day_start(SHORT_DAY, ZONE), 4, [2.0], hindsight=True)
    assert state_hash(context.home) == before
