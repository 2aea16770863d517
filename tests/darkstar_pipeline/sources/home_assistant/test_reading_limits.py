"""The numbers by which sensors are chosen, summed, directed and refused, each tried on both of its sides."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.home_assistant.choosing.directions import directed
from darkstar_pipeline.sources.home_assistant.choosing.sensor_choice import choose
from darkstar_pipeline.sources.home_assistant.choosing.statistics_choice import choose_statistics, one_a_start
from darkstar_pipeline.sources.home_assistant.choosing.sums import as_one_power, lasting, named, summed
from darkstar_pipeline.sources.home_assistant.choosing.understood import rows, understood
from darkstar_pipeline.sources.home_assistant.naming.questions import ChoiceNeededError
from darkstar_pipeline.sources.home_assistant.readings import readings_of
from darkstar_pipeline.sources.home_assistant.sensor_names import Subject
from darkstar_pipeline.sources.home_assistant.series import Kind, Series
from env.time_grid import SLOT_DTYPE

BEGIN = datetime(2026, 1, 10, tzinfo=UTC).timestamp()
SLOT = 900


def sensor(entity: str, values: Sequence[float], subject: Subject = Subject.LOAD, kind: Kind = Kind.POWER) -> Series:
    """A sensor with a state a slot; by default a power in kW."""
    at = BEGIN + SLOT * np.arange(len(values), dtype=np.float64)
    unit = {Kind.POWER: "kW", Kind.LEVEL: "%"}.get(kind, "kWh")
    return Series(
        entity=entity, subject=subject, kind=kind, unit=unit, seconds=at, values=np.asarray(values, np.float64)
    )


def counter(entity: str, rises: Sequence[float], subject: Subject = Subject.LOAD, kind: Kind = Kind.COUNTER) -> Series:
    return sensor(entity, [100.0, *(100 + np.cumsum(rises))], subject, kind)


def read(*series: Series, slots: int = 12) -> pl.DataFrame:
    return readings_of(list(series), BEGIN + SLOT * slots, "UTC").frame


def refused(*series: Series) -> str:
    try:
        read(*series)
    except DataRefusedError as error:
        return error.message
    return ""


def test_power_of_a_sensor_is_one_of_a_home():
    assert refused(sensor("sensor.a", [99.0] + [1.0] * 11)) == ""
    assert "implies 101 kW, more than a home can" in refused(sensor("sensor.a", [101.0] + [1.0] * 11))
    assert refused(sensor("sensor.a", [29.9] * 12)) == ""
    assert "implies 30 kW, more than a home can" in refused(sensor("sensor.a", [30.1] * 12))
    farm = sensor("sensor.a", [90.0] * 12, Subject.PV)
    assert refused(replace(farm, unit_is_stated=True)) == ""
    assert "implies 90 kW" in refused(replace(farm, unit_is_stated=False))


def test_load_and_what_states_no_unit_is_above_five_watts():
    low = [0.0049] * 12
    assert "implies at most 4.9 W, which no home runs on" in refused(sensor("sensor.a", low))
    assert refused(sensor("sensor.a", [0.0051] * 12)) == ""
    assert refused(sensor("sensor.a", [0.0] * 5 + [0.0049] * 7)) == ""
    assert "no home runs on" in refused(sensor("sensor.a", [0.0] * 4 + [0.0049] * 8))
    assert refused(sensor("sensor.a", low, Subject.IMPORT)) == ""
    assert "no home runs on" in refused(replace(sensor("sensor.a", low, Subject.IMPORT), unit_is_stated=False))
    assert refused(sensor("sensor.a", [0.0] * 12)) == ""


@pytest.mark.parametrize(
    ("levels", "words"),
    [
        ([0.1 * n for n in range(1, 9)], "never exceeds 1 %"),
        ([0.1 * n for n in range(1, 8)], ""),
        ([0.1 * n for n in range(1, 8)] + [1.0], "never exceeds 1 %"),
        ([0.1 * n for n in range(1, 8)] + [1.01], ""),
        ([1.0] * 8, ""),
        ([0.0] * 8, ""),
        ([620.0] * 4 + [50.0] * 4, ""),
        ([620.0] * 5 + [50.0] * 4, "is 620 as a rule, which is no state of charge in %"),
        ([255.0] * 8, "is 255 as a rule, which is no state of charge in %"),
    ],
)
def test_state_of_charge_is_no_fraction(levels: list[float], words: str):
    load = sensor("sensor.load", [1.0] * 12)
    found = refused(load, sensor("sensor.soc", levels, Subject.SOC, Kind.LEVEL))
    assert words in found
    assert bool(found) == bool(words)
    assert "is in V" in refused(load, replace(sensor("sensor.soc", [50.0], Subject.SOC, Kind.LEVEL), unit="V"))


def test_signed_power_fills_both_of_its_columns():
    signed = sensor("sensor.grid", [2.0] * 4 + [-1.0] * 8, Subject.GRID)
    found = read(signed)
    assert found["import_kwh"].to_list() == [0.5] * 4 + [0.0] * 8
    assert found["export_kwh"].to_list() == [0.0] * 4 + [0.25] * 8
    turned = read(replace(signed, subject=Subject.GRID_INVERTED))
    assert turned["export_kwh"].to_list() == found["import_kwh"].to_list()
    assert "does not say which way" in refused(counter("sensor.grid", [0.1] * 8, Subject.GRID))


def test_slots_told_by_hourly_statistics_say_so():
    found = read(replace(sensor("sensor.a", [1.0] * 12), hourly_until=BEGIN + 4 * SLOT))
    assert found["native_minutes"].to_list() == [60] * 4 + [15] * 8


def test_slot_without_energy_needs_both_of_its_levels():
    soc = sensor("sensor.soc", [50.0, 51.0, 52.0], Subject.SOC, Kind.LEVEL)
    assert read(soc, slots=2)["soc_start_percent"].to_list() == [50, 51]
    assert read(soc, sensor("sensor.a", [1.0] * 3), slots=3).height == 3


@pytest.mark.parametrize(("kwh", "told"), [(0.09, False), (0.11, True)])
def test_negative_power_is_told_above_a_tenth_of_a_kilowatt_hour(kwh: float, *, told: bool):
    recorded = readings_of([sensor("sensor.a", [-4 * kwh] + [1.0] * 11)], BEGIN + SLOT * 12, "UTC")
    assert any("of negative power taken as 0" in note for note in recorded.notes) == told


def test_better_sensor_is_taken():
    power = sensor("sensor.power", [1.0] * 12)
    resetting = counter("sensor.today", [0.25] * 12, kind=Kind.RESETTING)
    lifetime = counter("sensor.total", [0.25] * 12)
    assert choose(Subject.LOAD, [power, resetting, lifetime]).terms == (lifetime,)
    assert choose(Subject.LOAD, [power, resetting]).terms == (resetting,)
    signed, one_way = (
        sensor(f"sensor.{name}", [1.0] * 9, subject) for name, subject in (("s", Subject.GRID), ("o", Subject.IMPORT))
    )
    chosen = choose(Subject.IMPORT, [signed, one_way])
    assert chosen.terms == (one_way,)
    assert chosen.left_out == ("sensor.s is left out: sensor.o is the better import_kwh",)


@pytest.mark.parametrize(("factor", "same"), [(1.0, True), (1.005, True), (1.02, False), (0.98, False)])
def test_copies_show_the_same_within_a_hundredth(factor: float, *, same: bool):
    rises = [0.1, 0.3, 0.2, 0.4] * 3
    one, other = counter("sensor.home", rises), counter("sensor.house", [factor * rise for rise in rises])
    if same:
        chosen = choose(Subject.LOAD, [one, other])
        assert chosen.terms == (one,)
        assert chosen.left_out == ("sensor.house is left out: it shows the same as sensor.home",)
        return
    with pytest.raises(
        ChoiceNeededError, match=r"sensor\.home and sensor\.house are both a counter of load_kwh"
    ) as question:
        choose(Subject.LOAD, [one, other])
    assert [answer.mapping for answer in question.value.answers] == [
        {"sensor.house": "ignore"},
        {"sensor.home": "ignore"},
        {"sensor.home+sensor.house": "load_kwh"},
    ]
    assert question.value.best == 0
    assert question.value.answers[0].label == "sensor.home: 13 readings in 0.1 days, from 100 to 103"


@pytest.mark.parametrize(("readings", "same"), [(3, True), (2, False)])
def test_copies_have_three_readings_at_least(readings: int, *, same: bool):
    pair = [counter(name, [0.1, 0.3][: readings - 1]) for name in ("sensor.home", "sensor.house")]
    if same:
        assert choose(Subject.LOAD, pair).terms == (pair[0],)
    else:
        with pytest.raises(ChoiceNeededError):
            choose(Subject.LOAD, pair)


def test_counters_that_stand_still_are_no_copies():
    with pytest.raises(ChoiceNeededError):
        choose(Subject.LOAD, [counter("sensor.home", [0.0] * 5), counter("sensor.house", [0.0] * 5)])


def test_sum_that_the_person_wishes_is_taken():
    parts = [counter(f"sensor.{name}", [0.1 * n] * 5) for n, name in enumerate("abc", start=1)]
    chosen = choose(Subject.LOAD, parts, [frozenset({"sensor.a", "sensor.x"}), frozenset({"sensor.a", "sensor.c"})])
    assert (chosen.terms, chosen.kind) == ((parts[0], parts[2]), "given")
    assert chosen.left_out == ("sensor.b is left out: your sum is the better load_kwh",)


def test_powers_are_summed_with_their_signs():
    one, other = sensor("sensor.a", [1.0, 2.0, 3.0]), replace(sensor("sensor.b", [0.5, 0.5, np.nan]), weight=-1.0)
    both = as_one_power([one, other])
    assert both.values[:2].tolist() == [0.5, 1.5]
    assert (both.entity, both.weight) == ("sensor.a - sensor.b", 1.0)
    assert named([other, one]) == "-sensor.b + sensor.a"


def test_terms_are_summed_where_all_are_known_and_never_below_zero():
    def frame(values: Mapping[int, float]) -> pl.DataFrame:
        stamps = pl.Series("slot_start", [int((BEGIN + SLOT * n) * 1e6) for n in values]).cast(SLOT_DTYPE)
        return pl.DataFrame([stamps, pl.Series("load_kwh", list(values.values()))])

    one, other = sensor("sensor.a", [1.0]), replace(sensor("sensor.b", [1.0]), weight=-1.0)
    total, below = summed([frame({0: 1.0, 1: 0.2, 2: 3.0}), frame({1: 0.5, 0: 0.25})], [one, other], "load_kwh")
    assert total["load_kwh"].to_list() == [0.75, 0.0]
    assert below == pytest.approx(0.3)


def test_tariffs_stand_still_while_another_counts():
    low, high = (
        counter("sensor.low", [1.0, 1.0]),
        replace(counter("sensor.high", [2.0]), seconds=BEGIN + np.array([900.0, 2700.0])),
    )
    until = BEGIN + 3600
    first, second = lasting([low, high], until)
    assert (first.seconds - BEGIN).tolist() == [0, 900, 1800, 2700, 3600]
    assert first.values.tolist() == [100, 101, 102, 102, 102]
    assert second.values.tolist() == [100, 100, 100, 102, 102]


def test_one_sensor_or_sum_a_quantity_of_statistics():
    energies = [Subject.LOAD, Subject.IMPORT]
    loads: dict[str, Subject] = dict.fromkeys(("sensor.a_cum", "sensor.a_delta"), Subject.LOAD)
    assert choose_statistics(loads, energies).sums == ()
    with pytest.raises(DataRefusedError, match=r"sensor\.home and sensor\.house are both statistics of load_kwh"):
        choose_statistics(dict.fromkeys(("sensor.home", "sensor.house"), Subject.LOAD), energies)
    tariffs: dict[str, Subject] = dict.fromkeys(("sensor.energy_tarif_1", "sensor.energy_tarif_2"), Subject.IMPORT)
    chosen = choose_statistics(tariffs, energies)
    assert (chosen.sums, chosen.left_out) == ((frozenset(tariffs),), frozenset())
    whole = choose_statistics({**tariffs, "sensor.energy_total": Subject.IMPORT}, energies)
    assert (whole.sums, whole.left_out) == ((), frozenset(tariffs))
    given = choose_statistics({**loads, "sensor.c": Subject.LOAD}, energies, [frozenset({"sensor.a_cum", "sensor.c"})])
    assert given.left_out == frozenset({"sensor.a_delta"})


def test_sum_of_statistics_has_every_term_and_is_not_negative():
    def part(hour: int, entity: str, kwh: float) -> dict[str, object]:
        return {
            "hour_start": datetime(2026, 1, 10, hour, tzinfo=UTC),
            "column": "load_kwh",
            "energy_kwh": kwh,
            "entity": entity,
        }

    parts = pl.DataFrame(
        [
            part(0, "a", 1.0),
            part(0, "b", 0.25),
            part(1, "a", 1.0),
            part(2, "a", 0.1),
            part(2, "b", 0.25),
            part(3, "c", 7.0),
            part(3, "c", 8.0),
        ]
    )
    found = one_a_start(parts, [frozenset({"a", "b"})], {"b": -1.0})
    assert found["energy_kwh"].to_list() == [0.75, 0.0, 8.0]
    assert found["hour_start"].dt.hour().to_list() == [0, 2, 3]


@pytest.mark.parametrize(
    ("values", "samples"),
    [([1.0], (1.0,)), ([1.0, 2.0], (1.0, 2.0)), ([1.0, 2.0, 3.0, 4.0], (1.0, 3.0, 4.0)), ([1, 2, 3], (1, 2, 3))],
)
def test_samples_are_the_first_the_middle_and_the_last(values: list[float], samples: tuple[float, ...]):
    seen = understood(sensor("sensor.a", values), "load_kwh", None)
    assert seen.samples == samples
    assert seen.every_s == (None if len(values) == 1 else 900)


@pytest.mark.parametrize(("step", "shown"), [(119, "119 s"), (120, "2 min"), (900, "15 min")])
def test_rhythm_is_told_in_minutes_from_two_on(step: int, shown: str):
    one = replace(sensor("sensor.a", [1.0] * 3), seconds=BEGIN + step * np.arange(3.0), unit_is_stated=False)
    assert rows([understood(one, "load_kwh", None)])[0]["every"] == shown
    assert rows([understood(one, "load_kwh", None)])[0]["unit"] == "kW (by size)"


def direction(*series: Series, slots: int = 12) -> dict[str, Subject]:
    found, _ = directed(list(series), BEGIN + SLOT * slots, frozenset())
    return {one.entity: one.subject for one in found}


def test_direction_of_the_grid_is_shown_by_eight_slots_of_balance():
    grid = sensor("sensor.grid", [1.0, -0.5] * 6, Subject.GRID_INVERTED)
    load, pv = sensor("sensor.load", [2.0, 1.0] * 6), sensor("sensor.pv", [1.0, 1.5] * 6, Subject.PV)
    assert direction(grid, load, pv)["sensor.grid"] is Subject.GRID
    assert direction(grid, load, pv, slots=12)["sensor.load"] is Subject.LOAD
    few = [replace(one, seconds=one.seconds[:8], values=one.values[:8]) for one in (grid, load, pv)]
    assert direction(*few, slots=8)["sensor.grid"] is Subject.GRID
    fewer = [replace(one, seconds=one.seconds[:7], values=one.values[:7]) for one in (grid, load, pv)]
    assert direction(*fewer, slots=7)["sensor.grid"] is Subject.GRID_INVERTED


@pytest.mark.parametrize(("off", "shown"), [(0.7, True), (0.8, False)])
def test_balance_leaves_less_than_six_tenths_of_the_other_way(off: float, *, shown: bool):
    """1 kW from the grid, 2 - off explained by the load: off kW are unexplained so, 2 - off the other way round."""
    grid = sensor("sensor.grid", [1.0] * 12, Subject.GRID_INVERTED)
    load, pv = sensor("sensor.load", [2.0 - off] * 12), sensor("sensor.pv", [1.0] * 12, Subject.PV)
    assert (direction(grid, load, pv)["sensor.grid"] is Subject.GRID) == shown


@pytest.mark.parametrize(("slots_right", "subject"), [(11, Subject.BATTERY), (4, Subject.BATTERY_INVERTED)])
def test_state_of_charge_shows_the_direction_of_an_unsigned_battery(slots_right: int, subject: Subject):
    power = [1.0] * 12
    steps = [1.0] * slots_right + [-1.0] * (11 - slots_right)
    soc = sensor("sensor.soc", [50.0, *(50 + np.cumsum(steps))], Subject.SOC, Kind.LEVEL)
    assert direction(sensor("sensor.b", power, Subject.BATTERY_UNSIGNED), soc)["sensor.b"] is subject


@pytest.mark.parametrize(("right", "turned"), [(3, True), (4, False)])
def test_state_of_charge_overrules_a_name_where_it_is_clear(right: int, *, turned: bool):
    """Three tenths of the clarity at least: 3 of 11 steps agree, 8 do not."""
    steps = [1.0] * right + [-1.0] * (11 - right)
    soc = sensor("sensor.soc", [50.0, *(50 + np.cumsum(steps))], Subject.SOC, Kind.LEVEL)
    found = direction(sensor("sensor.b", [1.0] * 12, Subject.BATTERY), soc)
    assert (found["sensor.b"] is Subject.BATTERY_INVERTED) == turned


def test_state_of_charge_that_shows_neither_way_leaves_the_question_open():
    soc = sensor("sensor.soc", [50.0, 51.0, 50.0], Subject.SOC, Kind.LEVEL)
    with pytest.raises(ChoiceNeededError, match=r"sensor\.b: the name does not say whether positive charges"):
        direction(sensor("sensor.b", [1.0] * 3, Subject.BATTERY_UNSIGNED), soc)


@pytest.mark.parametrize(
    ("bought", "sold", "used", "subject"),
    [
        (2.0, 0.0, 1.0, Subject.BATTERY),
        (0.0, 0.0, 1.0, Subject.BATTERY_INVERTED),
        (0.0, 0.5, 0.5, Subject.BATTERY_INVERTED),
    ],
)
def test_balance_with_what_is_bought_and_sold_shows_the_direction_of_a_battery(
    bought: float, sold: float, used: float, subject: Subject
):
    flows = [
        sensor("sensor.bought", [bought] * 12, Subject.IMPORT),
        sensor("sensor.sold", [sold] * 12, Subject.EXPORT),
        sensor("sensor.load", [used] * 12),
    ]
    assert direction(*flows, sensor("sensor.b", [1.0] * 12, Subject.BATTERY_UNSIGNED))["sensor.b"] is subject
