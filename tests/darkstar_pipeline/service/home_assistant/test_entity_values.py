"""Values of entities: what equals what was written, what may be written at all, and what the entity cannot express."""

import pytest

from darkstar_pipeline.service.home_assistant.entity_values import (
    has_value,
    limit_note,
    number_of,
    refusal,
    unreadable,
    within_limits,
)
from darkstar_pipeline.service.home_assistant.profiles import Write

CHARGE = "number.charge"


def state(value: object, **attributes: object) -> dict[str, object]:
    return {"entity_id": CHARGE, "state": value, "attributes": attributes}


@pytest.mark.parametrize(
    ("value", "attributes", "written", "equal"),
    [
        pytest.param("2500", {"step": 1, "max": 9000}, 2500.0, True, id="exact"),
        pytest.param("2500", {"step": 1, "max": 9000}, 2540.0, True, id="rounded to 100, below 1 % of the scale"),
        pytest.param("2500", {"step": 1, "max": 9000}, 2600.0, False, id="100 W off"),
        pytest.param("7600", {"step": 1, "max": 9000}, 8000.0, False, id="settles low"),
        pytest.param("90", {"step": 1, "max": 9000}, 0.0, False, id="90 W are no zero"),
        pytest.param("0", {"step": 1, "max": 9000}, 90.0, False, id="zero is not 90 W"),
        pytest.param("0.4", {"step": 1, "max": 9000}, 0.0, True, id="zero to within half a step"),
        pytest.param("400", {"step": 1000, "max": 9000}, 0.0, False, id="a coarse step makes no zero of 400 W"),
        pytest.param("41.6", {"step": 1}, 42.0, True, id="half a step"),
        pytest.param("2.4", {"step": 0.1, "max": 9}, 2.5, False, id="kW"),
        pytest.param("nan", {"max": 9000}, 0.0, False, id="NaN"),
        pytest.param("nan", {"max": 9000}, float("nan"), False, id="NaN is not even NaN"),
        pytest.param("inf", {"max": "inf"}, float("inf"), False, id="infinity"),
        pytest.param("unavailable", {}, 0.0, False, id="unavailable"),
        pytest.param("2500", {"step": "nan", "max": None, "min": "x"}, 2500.0, True, id="limits that are no numbers"),
        pytest.param("2500", {"step": 0}, 2501.0, True, id="step zero, 1 % of the value"),
    ],
)
def test_number_equals_what_was_written_to_within_step_and_scale(
    value: str, attributes: dict[str, object], written: float, *, equal: bool
) -> None:
    assert has_value(state(value, **attributes), Write(CHARGE, written)) is equal


@pytest.mark.parametrize(
    ("attributes", "wanted", "allowed", "note"),
    [
        pytest.param({"min": 0, "max": 5000, "step": 1}, 9900.0, 5000.0, "at most 5000 W", id="max"),
        pytest.param({"min": 500, "max": 5000}, 0.0, 500.0, "at least 500 W", id="min"),
        pytest.param({"min": 0, "max": 9000, "step": 500}, 2700.0, 2500.0, "only steps such as 2500 W", id="step"),
        pytest.param({"min": 0, "max": 9000, "step": 100}, 2540.0, 2500.0, "", id="step within the tolerance"),
        pytest.param({"min": 9, "max": 1, "step": 1}, 2500.0, 2500.0, "", id="limits that contradict each other"),
        pytest.param({"min": "nan", "max": float("inf"), "step": 1e-320}, 2500.0, 2500.0, "", id="no limits at all"),
    ],
)
def test_value_is_kept_within_limits_and_told_where_they_cannot_express_it(
    attributes: dict[str, object], wanted: float, allowed: float, note: str
) -> None:
    write = Write(CHARGE, wanted, "W")
    kept = within_limits(state("0", **attributes), write)
    assert kept.value == allowed
    told = limit_note(state("0", **attributes), write, kept)
    assert note in told
    assert bool(told) is bool(note)


@pytest.mark.parametrize(
    ("unit", "reported", "refused"),
    [
        ("W", "kW", True), ("W", "A", True), ("W", "%", True), ("kW", "W", True), ("A", "W", True), ("W", "mW", True),
        ("W", "W", False), ("W", "w", False), ("kW", "kW", False), ("A", " A ", False), ("W", None, False),
        ("W", "", False), ("W", 5, False),
    ],
)  # fmt: skip
def test_write_is_refused_when_the_entity_has_another_unit(unit: str, reported: object, *, refused: bool) -> None:
    why = refusal(state("0", unit_of_measurement=reported), Write(CHARGE, 2500.0, unit))
    assert bool(why) is refused
    if refused:
        assert f"is in {reported}" in why
        assert f"mapping.unit says {unit}" in why


def test_write_is_refused_when_it_is_no_number_or_no_option() -> None:
    assert "no value" in refusal(state("0"), Write(CHARGE, float("nan")))
    assert "no value" in refusal(state("0"), Write(CHARGE, float("inf")))
    select = {"state": "hold", "attributes": {"options": ["hold", "charge"]}}
    assert "no option 'Force'" in refusal(select, Write("select.mode", "Force"))
    assert refusal(select, Write("select.mode", "charge")) == ""


@pytest.mark.parametrize("text", ["unavailable", "unknown", "None", "", " "])
def test_entity_is_unreadable_when_it_has_no_value(text: str) -> None:
    assert unreadable(state(text), Write(CHARGE, 0.0))
    assert "no entity" in unreadable(None, Write(CHARGE, 0.0))
    assert unreadable(state("0"), Write(CHARGE, 0.0)) == ""
    assert number_of(state(text)) is None


def test_limit_of_a_megawatt_is_no_scale_to_round_by() -> None:
    """SolarEdge's limits take 1 000 000 W: a hundredth of it is more than any battery's power."""
    attributes = {"unit_of_measurement": "W", "min": 0, "max": 1_000_000, "step": 1}
    assert not has_value({"state": "3000", "attributes": attributes}, Write("number.limit", 5000.0, "W"))
    assert has_value({"state": "4975", "attributes": attributes}, Write("number.limit", 5000.0, "W"))


def test_option_that_is_called_none_is_a_value() -> None:
    """Solis calls it so where nothing is forced."""
    write = Write("select.forced", "None")
    state = {"state": "None", "attributes": {"options": ["None", "Charge"]}}
    assert not unreadable(state, write)
    assert has_value(state, write)
    assert unreadable({"state": "None", "attributes": {}}, write)
