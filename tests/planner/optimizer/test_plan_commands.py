from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from env.command_menu import UNLIMITED_EXPORT_KW, full_export_kw
from env.inverter import Command, Energy
from env.simulator import Replay, simulate
from env.site import Limits, Site
from planner.optimizer.home_program import HomeProgram
from planner.optimizer.plan_commands import command_for_plan, exact_commands
from planner.oracle import solve_optimal_schedule
from planner.policies.mpc import ExactHorizon
from tests.builders.homes import PAPER_BATTERY, Horizon, home, horizons, sites, start_soc

ALL = UNLIMITED_EXPORT_KW
FREE = replace(PAPER_BATTERY, charge_efficiency=1.0, discharge_efficiency=1.0, wear_cost=0.0)


def command(site: Site, **plan: float) -> tuple[float, float, float]:
    """The command for a slot that plans nothing, at a stored value of 1, but for what is named."""
    nothing = {
        "charge_kwh": 0.0, "discharge_kwh": 0.0, "net_load_kwh": 0.0, "stored_value": 1.0, "import_price": 1.0,
        "export_price": 0.5,
    }  # fmt: skip
    return command_for_plan(**(nothing | plan), site=site)


@pytest.mark.parametrize(
    ("plan", "powers"),
    [
        pytest.param({"net_load_kwh": 0.3, "charge_kwh": 0.5}, (2.0, 0.0, 0.0), id="charge from the grid"),
        pytest.param({"net_load_kwh": -0.3, "charge_kwh": 0.5}, (2.0, 0.0, 0.0), id="charge more than the surplus"),
        pytest.param(
            {"net_load_kwh": -0.5, "charge_kwh": 0.5}, (0.0, 4.0, 0.0), id="store the surplus, whatever it is"
        ),
        pytest.param(
            {"net_load_kwh": -0.5, "charge_kwh": 0.2, "export_price": 1.0},
            (0.0, 0.0, 1.2),
            id="a tie: store as planned",
        ),
        pytest.param(
            {"net_load_kwh": -0.5, "export_price": 1.2, "import_price": 1.3}, (0.0, 0.0, ALL), id="sell the surplus"
        ),
        pytest.param(
            {"net_load_kwh": -0.5, "charge_kwh": 0.2, "export_price": 1.2},
            (0.0, 0.0, 1.2),
            id="sell what the full inverter lets through, store the rest as planned",
        ),
        pytest.param(
            {"net_load_kwh": 0.3, "discharge_kwh": 0.3, "import_price": 1.5}, (0.0, 4.0, 0.0), id="cover the load"
        ),
        pytest.param(
            {"net_load_kwh": 0.3, "discharge_kwh": 0.1, "import_price": 1.0},
            (0.0, 0.4, 0.0),
            id="a tie: cover as planned",
        ),
        pytest.param(
            {"net_load_kwh": 0.3, "discharge_kwh": 0.3, "import_price": 1.0}, (0.0, 4.0, 0.0), id="a tie, all covered"
        ),
        pytest.param({"net_load_kwh": 0.3, "import_price": 0.9}, (0.0, 0.0, 0.0), id="keep it: later is dearer"),
        pytest.param(
            {"net_load_kwh": 0.3, "discharge_kwh": 1.0, "export_price": 1.2, "import_price": 1.5},
            (0.0, 4.0, ALL),
            id="sell from the battery",
        ),
        pytest.param(
            {"net_load_kwh": 0.3, "discharge_kwh": 1.0, "export_price": 1.2, "import_price": 1.5, "stored_value": 1.2},
            (0.0, 4.0, 2.8),
            id="a tie: sell as planned",
        ),
        pytest.param(
            {"net_load_kwh": -0.3, "discharge_kwh": 0.5, "export_price": 1.2, "import_price": 1.5, "stored_value": 1.2},
            (0.0, 4.0, 3.2),
            id="sell surplus and battery as planned",
        ),
        pytest.param(
            {"net_load_kwh": 1.2, "discharge_kwh": 1.0, "export_price": 1.2, "import_price": 1.5},
            (0.0, 4.0, ALL),
            id="sell what a smaller load leaves, where that pays too",
        ),
        pytest.param({"import_price": 1.5}, (0.0, 4.0, 0.0), id="nothing expected: cover what comes, store what comes"),
        pytest.param(
            {"import_price": 1.5, "export_price": 1.2, "net_load_kwh": -0.1}, (0.0, 0.0, ALL), id="no sale unawares"
        ),
        pytest.param(
            {"import_price": 1.5, "export_price": 1.2, "net_load_kwh": 0.1}, (0.0, 4.0, 0.0), id="nor in a deficit"
        ),
    ],
)
def test_command_carries_out_the_plan_when_sent(plan: dict[str, float], powers: tuple[float, float, float]) -> None:
    assert command(home(FREE), **plan) == pytest.approx(powers)


def test_command_counts_losses_and_wear_when_it_weighs_covering_against_keeping() -> None:
    """A kWh delivered takes 1 / 0.8 out of the store and wears 0.1: keeping is worth 1.35 where stored is worth 1."""
    site = home(PAPER_BATTERY)
    assert command(site, net_load_kwh=0.3, import_price=1.34) == (0.0, 0.0, 0.0)
    assert command(site, net_load_kwh=0.3, import_price=1.36) == (0.0, 4.0, 0.0)


def test_command_counts_losses_and_wear_when_it_weighs_storing_against_selling() -> None:
    """A kWh stored leaves 0.9 and wears 0.1: it is worth 0.8."""
    site = home(PAPER_BATTERY)
    assert command(site, net_load_kwh=-0.3, export_price=0.79, import_price=0.9) == (0.0, 0.0, 0.0)
    assert command(site, net_load_kwh=-0.3, export_price=0.81, import_price=0.9) == (0.0, 0.0, ALL)


def test_surplus_is_weighed_against_spilling_when_panels_are_curtailable() -> None:
    """A stored kWh worth -0.2 (wear, and the battery fills anyway) beats an export at -0.5, but not spilling at 0."""
    plan = {"net_load_kwh": -0.3, "stored_value": -0.2, "export_price": -0.5}
    assert command(home(FREE), **plan)[2] == 0.0
    assert command(home(FREE, Limits(curtailable=True)), **plan)[2] == ALL


@pytest.mark.parametrize(
    ("limits", "everything"),
    [
        pytest.param(Limits(), ALL, id="no limit"),
        pytest.param(Limits(export_kw=3), 3, id="export limit"),
        pytest.param(Limits(export_kw=0), 0, id="export ban"),
        pytest.param(Limits(inverter_kw=3), ALL, id="a small inverter clamps by itself"),
    ],
)
def test_all_there_is_is_the_export_limit_when_there_is_one(limits: Limits, everything: float) -> None:
    assert full_export_kw(home(limits=limits)) == everything


def cost(replay: Replay, value: float) -> float:
    return float(replay.cost.sum() - value * (replay.soc_kwh[0, -1] - replay.soc_kwh[0, 0]))


def run_exactly(slots: pl.DataFrame, day: Horizon, site: Site, start: float) -> Replay:
    """The oracle's schedule as commands, through the inverter."""
    commands = exact_commands(
        charge_kwh=slots["charge_kwh"].to_numpy(),
        discharge_kwh=slots["discharge_kwh"].to_numpy(),
        load_kwh=day.load_kwh,
        pv_kwh=day.pv_kwh,
    )
    return simulate(
        lambda t, _: Command(*(power[t : t + 1] for power in commands)), day.world(), site, np.array([start])
    )


def assert_reproduced(day: Horizon, site: Site, start: float) -> None:
    best = solve_optimal_schedule(day.frame(), site, start_soc_kwh=start, settlement_value=0.6)
    replay = run_exactly(best.slots, day, site, start)
    for name in ("import_kwh", "export_kwh", "charge_kwh", "discharge_kwh", "curtailed_kwh"):
        np.testing.assert_allclose(getattr(replay.flows, name)[0], best.slots[name].to_numpy(), atol=1e-5, err_msg=name)
    assert cost(replay, 0.6) == pytest.approx(best.cost, abs=1e-5)


FUSES = st.sampled_from([None, 16.0])  # the loads here stay below 12 kW


@given(site=sites(), fuse=FUSES, day=horizons(), share=st.floats(0, 1))
def test_exact_commands_reproduce_the_oracle_when_nothing_is_to_be_spilled(
    site: Site, fuse: float | None, day: Horizon, share: float
) -> None:
    """At any prices, odd ones too."""
    plain = replace(site, limits=Limits(import_kw=fuse))
    assert_reproduced(day, plain, start_soc(plain, share))


@given(
    site=sites(), fuse=FUSES, day=horizons(kinds=("ordinary", "flat", "spiky", "below_export")), share=st.floats(0, 1)
)
def test_exact_commands_reproduce_the_oracle_when_importing_is_never_paid_for(
    site: Site, fuse: float | None, day: Horizon, share: float
) -> None:
    plain = replace(site, limits=Limits(import_kw=fuse, curtailable=True))
    cheaper_to_sell = replace(day, export_price=day.export_price - 0.4)
    assert_reproduced(cheaper_to_sell, plain, start_soc(plain, share))


def differs(day: Horizon, site: Site, start: float) -> tuple[dict[str, float], dict[str, float]]:
    """Flows of the last slot: the oracle's, and what the inverter makes of them."""
    slots = solve_optimal_schedule(day.frame(), site, start_soc_kwh=start).slots
    flows = run_exactly(slots, day, site, start).flows
    names = ("import_kwh", "charge_kwh", "discharge_kwh", "curtailed_kwh")
    return (
        {name: slots[name][-1] for name in names},
        {name: float(getattr(flows, name)[0, -1]) for name in names},
    )


def one_slot(load: float, pv: float, import_price: float, export_price: float) -> Horizon:
    return Horizon(*(np.array([value]) for value in (load, pv, import_price, export_price)))


def test_inverter_stores_what_the_oracle_would_rather_spill_when_export_is_limited() -> None:
    """No command says "do not charge": under an export ban surplus charges first, wear or not."""
    ideal, real = differs(one_slot(0, 0.5, 1, 0), home(PAPER_BATTERY, Limits(export_kw=0)), 5.0)
    assert (ideal["curtailed_kwh"], real["curtailed_kwh"]) == pytest.approx((0.5, 0.0))
    assert (ideal["charge_kwh"], real["charge_kwh"]) == pytest.approx((0.0, 0.5))


def test_inverter_charges_from_panels_what_the_oracle_charges_from_a_grid_that_pays() -> None:
    """Paid for drawing, the oracle curtails the panels and charges from the grid; charging takes the surplus first."""
    ideal, real = differs(one_slot(0, 0.5, -1, -2), home(PAPER_BATTERY, Limits(curtailable=True)), 5.0)
    assert (ideal["import_kwh"], real["import_kwh"]) == pytest.approx((1.0, 0.5))


def test_inverter_helps_the_fuse_at_once_when_the_oracle_would_help_it_where_it_is_cheapest() -> None:
    """0.8 kWh to hold back 2 x 1 above the fuse; the oracle spends it at the dearer price, the inverter at once."""
    day = Horizon(np.array([2.0, 2.0]), np.zeros(2), np.array([1.0, 3.0]), np.zeros(2))
    ideal, real = differs(day, home(PAPER_BATTERY, Limits(import_kw=4)), 2.0)
    assert (ideal["discharge_kwh"], real["discharge_kwh"]) == pytest.approx((0.8, 0.0))


def test_surplus_that_the_inverter_holds_back_is_not_stored_when_that_only_wears_the_battery() -> None:
    """Selling would cost more than storing, but nothing is sold: the panels are held back behind the inverter."""
    battery = replace(PAPER_BATTERY, discharge_kw=0.0, wear_cost=1.0, charge_efficiency=1.0)
    site = home(battery, Limits(inverter_kw=3.0))
    command = command_for_plan(
        charge_kwh=0.0,
        discharge_kwh=0.0,
        net_load_kwh=-0.5,
        stored_value=0.6,
        import_price=0.15,
        export_price=-0.56,
        site=site,
    )
    assert command == (0.0, 0.0, pytest.approx(2.0))


@pytest.mark.parametrize("kind", ["ordinary", "flat", "spiky", "mild_negative"])
@given(data=st.data(), site=sites(), share=st.floats(0, 1))
def test_replanned_commands_cost_what_the_oracle_costs_when_forecasts_are_right(
    kind: str, data: st.DataObject, site: Site, share: float
) -> None:
    """Wherever commands can say what the oracle does, following the house loses nothing, whatever the limits."""
    day = data.draw(horizons(kinds=(kind,), most_slots=8))
    start = start_soc(site, share)
    best = solve_optimal_schedule(day.frame(), site, start_soc_kwh=start, settlement_value=0.6)
    assume(abs(cost(run_exactly(best.slots, day, site, start), 0.6) - best.cost) < 1e-6)
    program = HomeProgram(site, day.n_slots)
    horizon = ExactHorizon(site, day.import_price, day.export_price, end=0.6, program=program)

    def decide(slot: int, soc_kwh: Energy) -> Command:
        return horizon.command(slot, float(soc_kwh[0]), day.load_kwh[slot:], day.pv_kwh[slot:])

    followed = simulate(decide, day.world(), site, np.array([start]))
    assert cost(followed, 0.6) == pytest.approx(best.cost, abs=1e-5)
