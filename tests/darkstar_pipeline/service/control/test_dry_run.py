"""A dry run looks at the entities as if it were to write them, and writes nothing."""

from pathlib import Path

import pytest

from darkstar_pipeline.service.home_assistant.lease import read_lease
from tests.builders.fake_inverter import CHARGE, DISCHARGE, ControlledInverter, command, power_settings


@pytest.fixture
def dry(tmp_path: Path) -> ControlledInverter:
    return ControlledInverter(tmp_path, power_settings(dry_run=True))


def test_dry_run_says_what_it_would_write_and_writes_nothing(dry: ControlledInverter) -> None:
    dry.controller.step()
    part = dry.controller.components()[0]
    assert (part.ok, dry.inverter.written, read_lease(dry.folder)) == (True, [], None)
    assert part.note == f"dry run: {CHARGE} = 2500.0, {DISCHARGE} = 0.0"


def test_dry_run_says_that_an_entity_is_in_another_unit(dry: ControlledInverter) -> None:
    dry.inverter.unit = "kW"
    dry.controller.step()
    part = dry.controller.components()[0]
    assert not part.ok
    assert f"{CHARGE} is in kW, and home_assistant.control.mapping.unit says W" in part.note


def test_dry_run_says_what_the_entities_cannot_express_of_command_and_default(dry: ControlledInverter) -> None:
    dry.inverter.largest = 6000.0
    dry.supplier.command = command(6.5, 0, 0)
    dry.controller.step()
    part = dry.controller.components()[0]
    assert part.ok
    assert f"{CHARGE} takes at most 6000 W, not 6500 W" in part.note
    assert f"{DISCHARGE} takes at most 6000 W, not 8000 W" in part.note, "and of the default after it"


def test_dry_run_says_that_an_entity_has_no_value(dry: ControlledInverter) -> None:
    dry.inverter.texts[DISCHARGE] = "unavailable"
    dry.controller.step()
    assert f"{DISCHARGE} is unavailable" in dry.controller.components()[0].note
    dry.inverter.texts.clear()
    dry.controller.step()
    assert dry.controller.components()[0].ok
