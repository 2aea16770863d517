from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import env.open_loop
from env.inverter import Command, Energy, Flows, apply_command
from env.open_loop import simulate_open_loop
from env.simulator import simulate
from env.site import Site
from tests.builders.homes import DEFAULT_BATTERY, Horizon, home, horizons, sites, start_soc


def run_known(site: Site, horizon: Horizon, commands_kw: Energy, start: float) -> Flows:
    world = horizon.world()
    return simulate_open_loop(
        Command(*commands_kw),
        load_kwh=world.load_kwh[0],
        pv_kwh=world.pv_kwh[0],
        export_price=world.export_price[0],
        site=site,
        start_soc_kwh=start,
    )


@given(site=sites(), horizon=horizons(), share=st.floats(-0.2, 1.2), leaks=st.booleans(), seed=st.integers(0, 9999))
def test_known_commands_flow_as_slot_after_slot_for_any_commands(
    *, site: Site, horizon: Horizon, share: float, leaks: bool, seed: int
) -> None:
    if leaks:
        site = replace(site, battery=replace(site.battery, retention_per_hour=0.97))
    commands_kw = np.random.default_rng(seed).choice([0.0, 0.0, 0.7, 3.0, 9.0, 99.0], (3, horizon.n_slots))
    start = max(start_soc(site, share), 0.0)  # outside the usable range too, where a battery may be found
    flows = run_known(site, horizon, commands_kw, start)
    replay = simulate(lambda slot, _: Command(*commands_kw[:, slot, None]), horizon.world(), site, np.array([start]))
    for field in fields(Flows):
        assert getattr(flows, field.name).tobytes() == getattr(replay.flows, field.name)[0].tobytes(), field.name


@pytest.mark.parametrize("n_slots", [92, 96, 100, 192])
def test_known_commands_take_a_few_rounds_when_the_house_is_followed(
    n_slots: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds: list[int] = []

    def counted(*args: object, **kwargs: object) -> Flows:
        rounds.append(1)
        return apply_command(*args, **kwargs)  # pyright: ignore[reportArgumentType] - handed on as they came

    monkeypatch.setattr(env.open_loop, "apply_command", counted)
    hours = np.arange(n_slots) / 4
    pv, nothing = 3 * np.maximum(np.sin((hours % 24 - 6) / 12 * np.pi), 0), np.zeros(n_slots)
    simulate_open_loop(
        Command(nothing, nothing + 8.0, nothing),
        load_kwh=nothing + 0.8,
        pv_kwh=pv,
        export_price=nothing,
        site=home(DEFAULT_BATTERY),
        start_soc_kwh=17.1,
    )
    assert len(rounds) <= 8
