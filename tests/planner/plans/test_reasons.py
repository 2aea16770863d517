import polars as pl
import pytest

from planner.plans.reasons import REASONS, with_reasons

NOTHING = {
    "load_kwh": 0.0, "pv_kwh": 0.0, "import_kwh": 0.0, "export_kwh": 0.0, "charge_kwh": 0.0, "discharge_kwh": 0.0,
    "curtailed_kwh": 0.0,
}  # fmt: skip

CASES = {
    "charge_from_grid": [
        {"load_kwh": 0.3, "charge_kwh": 0.5, "import_kwh": 0.8},
        {"pv_kwh": 0.3, "charge_kwh": 0.5, "import_kwh": 0.2},
    ],
    "store_surplus": [{"pv_kwh": 0.5, "charge_kwh": 0.5}, {"pv_kwh": 0.9, "charge_kwh": 0.2, "export_kwh": 0.7}],
    "sell_from_battery": [
        {"load_kwh": 0.3, "discharge_kwh": 0.5, "export_kwh": 0.2},
        {"pv_kwh": 0.3, "discharge_kwh": 0.5, "export_kwh": 0.8},
    ],
    "cover_load": [{"load_kwh": 0.3, "discharge_kwh": 0.3}, {"load_kwh": 0.3, "discharge_kwh": 0.1, "import_kwh": 0.2}],
    "curtail": [{"pv_kwh": 0.3, "curtailed_kwh": 0.3}, {"pv_kwh": 0.3, "curtailed_kwh": 0.1, "export_kwh": 0.2}],
    "sell_surplus": [{"pv_kwh": 0.3, "export_kwh": 0.3}],
    "hold": [{"load_kwh": 0.3, "import_kwh": 0.3}, {}, {"pv_kwh": 0.3, "load_kwh": 0.3, "charge_kwh": 1e-9}],
}


@pytest.mark.parametrize("reason", REASONS)
def test_reason_says_what_the_flows_did_when_a_slot_is_over(reason: str) -> None:
    schedule = pl.DataFrame([NOTHING | flows for flows in CASES[reason]])
    assert with_reasons(schedule)["reason"].to_list() == [reason] * len(CASES[reason])


def test_every_reason_has_a_case() -> None:
    assert set(CASES) == set(REASONS)


def test_reasons_leave_the_schedule_as_it_was() -> None:
    schedule = pl.DataFrame([NOTHING])
    assert with_reasons(schedule).drop("reason").equals(schedule)
