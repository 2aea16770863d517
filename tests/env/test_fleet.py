from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from env.battery import Battery
from env.fleet import Fleet
from env.inverter import Command, Flows, apply_command
from env.simulator import flows_cost
from env.site import Site
from tests.builders import episodes
from tests.builders.homes import home, site_limits, sites, start_soc


@st.composite
def fleets(draw: st.DrawFn) -> tuple[list[Site], int]:
    curved = home(episodes.CURVED, draw(site_limits()))
    others = draw(st.lists(sites(), min_size=1, max_size=3))
    return [*others, curved] if draw(st.booleans()) else others, draw(st.integers(0, 2**32 - 1))


@given(fleets())
def test_homes_run_alike_bit_for_bit_when_their_batteries_differ(given_fleet: tuple[list[Site], int]) -> None:
    """One call for all homes is the scalar call for each: flows, clamping, cost."""
    different, seed = given_fleet
    rng, n = np.random.default_rng(seed), 9
    which = rng.integers(0, len(different), n)
    command = Command(*rng.choice([0.0, 0.0, 0.7, 3.0, 9.0, 99.0], (3, n)))
    load, pv = rng.uniform(0, 3, n), rng.uniform(0, 3, n) * (rng.random(n) < 0.6)
    prices = rng.uniform(-1, 2, (2, n))
    soc = np.array([start_soc(different[kind], share) for kind, share in zip(which, rng.random(n), strict=True)])
    battery, limits = Fleet(different).of(which)
    together = apply_command(
        command, load_kwh=load, pv_kwh=pv, soc_kwh=soc, export_price=prices[1], battery=battery, limits=limits
    )
    cost = flows_cost(together, prices[0], prices[1], battery)
    for each in range(n):
        own, one = different[which[each]], slice(each, each + 1)
        alone = apply_command(
            Command(*(power[one] for power in command)),
            load_kwh=load[one],
            pv_kwh=pv[one],
            soc_kwh=soc[one],
            export_price=prices[1, one],
            battery=own.battery,
            limits=own.limits,
        )
        for field in fields(Flows):
            assert getattr(together, field.name)[one].tobytes() == getattr(alone, field.name).tobytes()
        assert cost[one].tobytes() == flows_cost(alone, prices[0, one], prices[1, one], own.battery).tobytes()


@pytest.mark.parametrize("conversion", ["stored_by", "charge_storing", "drawn_by", "discharge_drawing"])
def test_energy_goes_through_each_homes_own_curve_when_efficiency_depends_on_power(conversion: str) -> None:
    kinds: list[Battery] = [site.battery for site in episodes.sites()]
    battery, _ = Fleet(episodes.sites()).of(np.array([2, 0, 1, 2]))
    energy = np.array([0.9, 0.5, 0.3, 0.1])
    expected = [getattr(kinds[k], conversion)(np.asarray(e)) for k, e in zip((2, 0, 1, 2), energy, strict=True)]
    np.testing.assert_array_equal(getattr(battery, conversion)(energy), expected)


def test_figures_broadcast_when_more_axes_are_asked_for() -> None:
    battery, limits = Fleet(episodes.sites()).of(np.array([1, 0]), axes=3)
    assert np.shape(battery.charge_kw) == (2, 1, 1)
    assert limits.import_kw is not None
    assert np.shape(limits.import_kw) == (2, 1, 1)


@given(st.lists(sites(), min_size=1, max_size=3), st.integers(1, 4))
def test_figures_of_homes_are_repeated_for_their_rows(different: list[Site], rows: int) -> None:
    which = np.arange(len(different))
    battery, limits = Fleet(different).of(which, axes=3, rows=rows)
    for home_number, site in enumerate(different):
        for name in ("import_kw", "export_kw", "inverter_kw"):
            found, own = getattr(limits, name), getattr(site.limits, name)
            if found is None or len(different) == 1:
                assert found == own
            else:
                assert found.shape == (len(different), rows, 1)
                assert set(found[home_number].ravel()) == {np.inf if own is None else own}
        assert set(np.atleast_3d(battery.charge_kw)[home_number].ravel()) == {site.battery.charge_kw}
