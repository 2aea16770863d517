"""The verifier's own inverter contract against that of `env.inverter`."""

from dataclasses import replace

import numpy as np
import pytest

from env.battery import Battery
from env.inverter import Command, apply_command
from env.site import Limits
from planner.verification.columns import COMMAND
from planner.verification.inverter_contract import FLOWS, House, obeyed
from planner.verification.store_physics import most_charge, most_discharge
from tests.builders.homes import PAPER_BATTERY
from tests.builders.schedules import CURVED, LEAKY, TIGHT

SEED = 20_261_124


LIMITABLE = replace(TIGHT, takes_import_limit=True)


@pytest.mark.parametrize("battery", [PAPER_BATTERY, LEAKY, CURVED], ids=["plain", "leaky", "curved"])
@pytest.mark.parametrize(
    "limits",
    [
        Limits(),
        TIGHT,
        LIMITABLE,
        Limits(takes_import_limit=True),
        Limits(import_kw=2),
        Limits(export_kw=0, curtailable=True),
        Limits(inverter_kw=0.5, export_kw=1),
    ],
    ids=str,
)
def test_contract_is_the_inverters_when_written_twice(battery: Battery, limits: Limits) -> None:
    """Two writings of one contract, 20 000 slots each, edges among them."""
    rng = np.random.default_rng(SEED)
    n = 20_000
    load, pv = (rng.uniform(0, 3, n) * (rng.random(n) < 0.7) for _ in range(2))
    soc = rng.choice([0.0, 1.0, 5.0, 9.0, 10.0], n) + rng.uniform(0, 0.5, n) * (rng.random(n) < 0.5)
    price = rng.choice([-1.0, 0.0, 1.0], n)
    command = Command(*(rng.choice([0.0, 0.4, 2.0, 8.0, 99.0], n) * (rng.random(n) < 0.6) for _ in COMMAND))
    limit = rng.choice([0.0, 0.4, 2.0, np.inf], n)
    flows = apply_command(
        command,
        load_kwh=load,
        pv_kwh=pv,
        soc_kwh=soc,
        export_price=price,
        battery=battery,
        limits=limits,
        import_limit_kw=limit,
    )
    house = House(load, pv, most_charge(soc, battery), most_discharge(soc, battery), price < 0)
    again = obeyed(command, house, limits, limit)
    for name in FLOWS:
        np.testing.assert_allclose(again[name], getattr(flows, name), rtol=0, atol=1e-9, err_msg=name)
