"""An import limit is written before what it limits, read back, counted, in the lease, and ends with the command."""

from pathlib import Path

from darkstar_pipeline.config.home_assistant import ControlMapping
from darkstar_pipeline.service.home_assistant.lease import read_lease
from tests.builders.fake_inverter import CHARGE, DISCHARGE, ControlledInverter, FakeInverter, command, power_settings

LIMIT = "number.grid_peak_shaving_power"
DEFAULT_W = 17_250.0
MAPPING = ControlMapping(charge=CHARGE, discharge=DISCHARGE, import_limit=LIMIT, default_import_limit_kw=17.25)


def controlled(folder: Path, **changes: object) -> ControlledInverter:
    inverter = FakeInverter(states={CHARGE: 0.0, DISCHARGE: 8000.0, LIMIT: DEFAULT_W}, largest=20_000.0)
    return ControlledInverter(folder, power_settings(mapping=MAPPING, **changes), inverter)


def test_limit_is_written_first_and_restored_at_release(tmp_path: Path) -> None:
    control = controlled(tmp_path)
    control.supplier.command = command(2.5, 0, 0, import_limit_kw=4.2)
    control.controller.step()
    assert control.inverter.written[0] == (LIMIT, 4200.0)
    status = control.controller.status()
    assert (status.problem, status.writes_today) == ("", 3)
    lease = read_lease(tmp_path)
    assert lease is not None
    assert {"entity_id": LIMIT, "value": DEFAULT_W} in [call.data for call in lease.restore], "what the guard restores"

    control.supplier.command = command(2.5, 0, 0)
    control.controller.step()
    assert control.inverter.states[LIMIT] == DEFAULT_W, "a command without a limit ends it"
    control.supplier.command = command(0, 8, 0, import_limit_kw=1.0)
    control.controller.step()
    control.controller.stop()
    assert control.inverter.states == {CHARGE: 0.0, DISCHARGE: 8000.0, LIMIT: DEFAULT_W}


def test_default_takes_over_when_the_limit_is_not_taken(tmp_path: Path) -> None:
    control = controlled(tmp_path)
    control.inverter.refused_values = (4200.0,)
    control.supplier.command = command(2.5, 0, 0, import_limit_kw=4.2)
    control.controller.step()
    assert "default" in control.controller.status().problem
    assert control.inverter.states == {CHARGE: 0.0, DISCHARGE: 8000.0, LIMIT: DEFAULT_W}


def test_limit_leaves_the_default_its_part_of_the_budget(tmp_path: Path) -> None:
    """Twelve writes a day: a limit that moves all the time ends at the default, all three values of it paid for."""
    control = controlled(tmp_path, writes_per_day=12)
    for number in range(20):
        control.supplier.command = command(0, 8, 0, import_limit_kw=2.0 + number / 2)
        control.controller.step()
    assert control.inverter.states[LIMIT] == DEFAULT_W
    assert control.controller.status().writes_today <= 12
