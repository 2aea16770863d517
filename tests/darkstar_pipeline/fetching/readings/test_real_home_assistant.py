"""A real Home Assistant with a week of statistics: its sensors are found and its readings fetched."""

from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from benchmarks.fault_injection.real_home_assistant import RealHomeAssistant
from benchmarks.recorded_home.recorded_assistant import recorded_assistant
from benchmarks.recorded_home.statistics_home import StatisticsHome, home_until_now
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.context import open_context
from darkstar_pipeline.fetching.readings.home_assistant import fetch_readings
from darkstar_pipeline.fetching.readings.proposal.candidates import look_at
from darkstar_pipeline.fetching.readings.proposal.home_facts import facts_of
from darkstar_pipeline.fetching.readings.proposal.mapping import propose
from darkstar_pipeline.home_assistant_api.failures import HomeAssistantError
from darkstar_pipeline.home_assistant_api.socket import HomeAssistantSocket
from darkstar_pipeline.warehouse.schemas import METER_READINGS
from tests.builders import tools

pytestmark = pytest.mark.thorough  # Home Assistant takes seconds to start, once for all of these


@dataclass
class Recorded:
    """A home and the Home Assistant that has recorded it."""

    home: StatisticsHome
    assistant: RealHomeAssistant

    def socket(self, token: str | None = None) -> HomeAssistantSocket:
        """Return a connection to it."""
        return HomeAssistantSocket(self.assistant.url, token or self.assistant.token, seconds=30, pauses=())


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Generator[Recorded]:
    tools.home_assistant()
    home = home_until_now(8)
    with recorded_assistant(tmp_path_factory.mktemp("home_assistant"), home) as assistant:
        yield Recorded(home, assistant)


def test_its_sensors_are_found_and_its_readings_are_those_that_it_recorded(recorded: Recorded, tmp_path: Path):
    now = datetime.now(UTC)
    with recorded.socket() as socket:
        seen = look_at(socket, now)
        proposal = propose(seen)
        sensors = {name: option.terms for name, option in proposal.chosen.items()}
        assert sensors["load"] == "sensor.house_load_energy"
        assert sensors["soc"] == "sensor.battery_soc"
        assert {"pv", "grid_import", "grid_export", "battery_charge", "battery_discharge"} <= set(sensors)
        assert proposal.unexplained == pytest.approx(0, abs=1e-6)
        assert (facts_of(seen, proposal).timezone, seen.config.country) == ("Europe/Stockholm", "SE")

        home = {"url": recorded.assistant.url, "sensors": sensors}
        first = f"{recorded.home.start:%Y-%m-%d}"
        settings = Settings.model_validate({"sites": {"home": {"first_day": first, "home_assistant": home}}})
        context = open_context("home", settings=settings, home=tmp_path)
        fetched = fetch_readings(context, socket, first=None, last=None, now=now)
    # Home Assistant adds its own minutes of this hour, in which the sensors stand still.
    readings = context.lake.read(METER_READINGS, "home").filter(pl.col("slot_start") < recorded.home.end)
    for column, quantity in (("load_kwh", "load"), ("pv_kwh", "pv"), ("batt_charge_kwh", "charge")):
        assert readings[column].sum() == pytest.approx(float(recorded.home.flows[quantity].sum()), rel=0.005)
    assert fetched.notes == ()


def test_a_wrong_token_is_told(recorded: Recorded):
    with recorded.socket("wrong") as socket, pytest.raises(HomeAssistantError, match="does not accept the token"):
        socket.config()
