"""Classes of a fleet's homes."""

from darkstar_pipeline.fleet.homes import FleetHomes
from darkstar_pipeline.models.fleet.classes import homes_by_class
from tests.builders.fleet_homes import fleet_settings, home_rows


def test_home_with_wrong_settings_is_in_no_class_and_stops_no_other() -> None:
    fleet = fleet_settings().fleet
    assert fleet is not None
    homes = FleetHomes(fleet, home_rows({"a": {}, "b": {"tariff": "gone"}, "c": {}}))
    assert list(homes_by_class(homes).values()) == [["a", "c"]]
