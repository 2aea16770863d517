"""Commands with an import limit over whole days, by the inverter, and the verifier's second opinion."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from env.inverter import Command, Decision, Energy, LimitedCommand, battery_room
from env.simulator import simulate
from env.site import Limits
from planner.replay.schedules import schedule_frame, world_of
from planner.verification.verifier import verify_schedule
from tests.builders.homes import PAPER_BATTERY, days_of_slots, home
from tests.builders.schedules import AUTUMN, CURVED, LEAKY, SPRING, findings_of

KWH = 1e-9


@pytest.mark.parametrize("middle", [SPRING, AUTUMN], ids=["spring", "autumn"])
@pytest.mark.parametrize("battery", [PAPER_BATTERY, LEAKY, CURVED], ids=["plain", "leaky", "curved"])
@pytest.mark.parametrize("start", [0.0, 1.0])
def test_days_under_random_limits_are_verified(middle: date, battery: object, start: float) -> None:
    """From an empty and a full battery, prices below zero, limits of nothing and none among them."""
    limits = Limits(import_kw=6.0, export_kw=3.0, curtailable=True, takes_import_limit=True)
    site = replace(home(limits=limits), battery=battery)  # pyright: ignore[reportArgumentType]
    slots = days_of_slots(middle, middle + timedelta(days=1), seed=4).with_columns(
        pl.col("load_kwh") * 1.4, pl.col("import_price") - 1.6, pl.col("export_price") - 1.6
    )
    world, rng = world_of(slots, slots.height), np.random.default_rng(7)
    powers = rng.choice([0.0, 1.0, 4.0, 99.0], (slots.height, 3, 1))
    limit_kw = rng.choice([0.0, 0.5, 2.0, 5.0, 50.0, np.inf], (slots.height, 1))

    def decide(slot: int, _soc_kwh: Energy) -> Decision:
        return LimitedCommand(Command(*powers[slot]), limit_kw[slot])

    usable = site.battery.max_soc_kwh - site.battery.min_soc_kwh
    replay = simulate(decide, world, site, np.array([site.battery.min_soc_kwh + start * usable]))
    schedule = schedule_frame("limited", slots, replay)
    assert findings_of(verify_schedule(schedule, site)) == []
    assert schedule["import_limit_kw"].null_count() == int(np.isinf(limit_kw).sum()) > 0

    _, can_discharge = battery_room(replay.soc_kwh[0, :-1], site.battery)
    over = replay.flows.import_kwh[0] > np.minimum(limit_kw[:, 0], 6.0) / 4 + KWH
    assert over.any(), "an empty battery cannot hold every limit"
    assert (can_discharge - replay.flows.discharge_kwh[0])[over].max() <= KWH
    assert (replay.flows.charge_kwh[0][over] == 0).all()

    loosened = schedule.with_columns(pl.col("import_limit_kw") * 2 + 1)
    assert {rule for _, rule in findings_of(verify_schedule(loosened, site))} == {"command"}
    takes_none = replace(site, limits=replace(limits, takes_import_limit=False))
    assert "import_limit" in {rule for _, rule in findings_of(verify_schedule(schedule, takes_none))}


def test_limits_that_an_inverter_does_not_take_leave_a_replay_as_it_is() -> None:
    slots = days_of_slots(SPRING, SPRING, seed=5)
    world, site = world_of(slots, slots.height), home(PAPER_BATTERY)
    command = Command(*(np.array([power]) for power in (0.0, 4.0, 1.0)))
    start = np.array([5.0])
    plain = simulate(lambda _slot, _soc: command, world, site, start)
    limited = simulate(lambda _slot, _soc: LimitedCommand(command, np.array([0.5])), world, site, start)
    assert plain.import_limit_kw is None
    assert limited.soc_kwh.tobytes() == plain.soc_kwh.tobytes()
    assert limited.cost.tobytes() == plain.cost.tobytes()
