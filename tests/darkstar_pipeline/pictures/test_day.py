"""The picture of a day: what is drawn, where, and that panels can be compared."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from matplotlib.patches import StepPatch

from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.pictures import day_figure, png_bytes
from darkstar_pipeline.pictures.canvas import BLUE
from darkstar_pipeline.pictures.day import wall_clock
from darkstar_pipeline.sample import SAMPLE_TIMEZONE

POLICIES = ("idle", "self_consumption", "mpc", "oracle")
AUTUMN, ORDINARY, SPRING = date(2023, 10, 29), date(2024, 4, 6), date(2024, 3, 31)


def draw(schedules: pl.DataFrame, day: date = ORDINARY, **options):
    given = {"timezone": SAMPLE_TIMEZONE, "capacity_kwh": 10.0, "currency": "EUR"}
    return day_figure(schedules, day=day, **given, **options)


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.texts]


def axes_named(figure, name: str) -> list:
    return [axes for axes in figure.axes if axes.get_ylabel() == name]


def steps(axes, colour: str) -> np.ndarray:
    """Values of the filled steps of a colour."""
    from matplotlib.colors import to_rgba

    drawn = [patch for patch in axes.patches if isinstance(patch, StepPatch)]
    (wanted,) = [patch for patch in drawn if patch.get_fill() and patch.get_facecolor() == to_rgba(colour)]
    return np.asarray(wanted.get_data()[0])


@pytest.fixture(scope="module")
def figure(schedules: pl.DataFrame):
    return draw(schedules)


def test_figure_has_a_panel_per_policy_in_order_when_several_are_given(figure) -> None:
    names = ["Battery unused", "Self-consumption", "Optimiser (MPC)", "Oracle (perfect hindsight)"]
    assert [text for text in texts(figure) if text in names] == names
    assert [len(axes_named(figure, name)) for name in ("kW", "EUR/kWh", "SoC %")] == [4, 1, 4]


@pytest.mark.parametrize("name", ["kW", "EUR/kWh", "SoC %"])
def test_panels_have_the_same_axes_when_policies_differ(figure, name: str) -> None:
    panels = axes_named(figure, name)
    assert len({axes.get_ylim() for axes in panels}) == 1
    assert len({axes.get_xlim() for axes in panels}) == 1
    assert len({axes.get_position().width for axes in panels}) == 1


def test_panel_shows_the_battery_in_kw_when_charging(figure, schedules: pl.DataFrame) -> None:
    oracle = schedules.filter((pl.col("policy") == "oracle") & (pl.col("local_day") == ORDINARY)).sort("slot_start")
    drawn = steps(axes_named(figure, "kW")[POLICIES.index("oracle")], BLUE)
    np.testing.assert_allclose(drawn, oracle["charge_kwh"].to_numpy() * 4)
    assert drawn.max() > 1


def test_axes_hold_everything_when_flows_are_large(figure, schedules: pl.DataFrame) -> None:
    low, high = axes_named(figure, "kW")[0].get_ylim()
    rows = schedules.filter(pl.col("local_day") == ORDINARY)
    assert high > 4 * rows.select("charge_kwh", "load_kwh", "pv_kwh").to_numpy().max()
    assert -low > 4 * rows.select("discharge_kwh", "export_kwh").to_numpy().max()


def test_legend_stands_once_when_there_are_several_panels(figure) -> None:
    assert len(figure.legends) == 1
    assert not [axes for axes in figure.axes if axes.get_legend() is not None]


def test_hours_stand_beneath_the_last_panel_only_when_there_are_several(figure) -> None:
    labelled = [axes for axes in figure.axes if any(label.get_text() for label in axes.get_xticklabels())]
    assert labelled == [axes_named(figure, "SoC %")[-1]]
    assert [label.get_text() for label in labelled[0].get_xticklabels()] == [f"{hour:02d}" for hour in range(24)]


@pytest.mark.parametrize(
    ("day", "hours", "labels"),
    [
        pytest.param(AUTUMN, 25.0, ["00", "01", "02", "02", "03"], id="100 slots: the hour stands twice"),
        pytest.param(SPRING, 23.0, ["00", "01", "03", "04", "05"], id="92 slots: the hour is left out"),
    ],
)
def test_axis_runs_real_time_when_the_clock_changes(schedules: pl.DataFrame, day, hours, labels) -> None:
    changed = draw(schedules, day)
    last = axes_named(changed, "SoC %")[-1]
    assert last.get_xlim() == (0.0, hours)
    assert [label.get_text() for label in last.get_xticklabels()][:5] == labels
    assert len(steps(axes_named(changed, "kW")[0], BLUE)) == hours * 4
    said = [text.get_text() for text in axes_named(changed, "EUR/kWh")[0].texts]
    assert said == ["clock back 1 h" if hours == 25 else "clock forward 1 h"]


@pytest.mark.parametrize(
    ("timezone", "day", "slots", "jumps"),
    [
        pytest.param("Europe/Stockholm", date(2026, 10, 25), 100, [(3.0, -1.0)], id="autumn"),
        pytest.param("Europe/Stockholm", date(2026, 3, 29), 92, [(2.0, 1.0)], id="spring"),
        pytest.param("Europe/London", date(2026, 10, 25), 100, [(2.0, -1.0)], id="London"),
        pytest.param("Australia/Lord_Howe", date(2026, 4, 5), 98, [(2.0, -0.5)], id="half an hour back"),
        pytest.param("Asia/Kathmandu", date(2026, 7, 1), 96, [], id="quarter-hour zone"),
    ],
)
def test_clock_is_right_when_the_zone_is_unusual(timezone, day, slots, jumps) -> None:
    clock = wall_clock(day, timezone)
    assert len(clock.edges) == slots + 1
    assert clock.jumps == jumps
    assert clock.ticks[0] == 0.0
    assert set(clock.hours) == set(range(24)) - ({2} if slots == 92 else set())


def test_titles_tell_costs_when_they_are_known(schedules: pl.DataFrame) -> None:
    costs = {"idle": 2.0, "self_consumption": 2.5, "mpc": -1.25}
    got = texts(draw(schedules, costs=costs))
    assert "paid 2.00 EUR" in got
    assert "paid 2.50 EUR, 0.50 worse than unused" in got
    assert "earned 1.25 EUR, 3.25 better than unused" in got
    assert len([text for text in got if " EUR" in text]) == 3


def test_titles_tell_no_costs_when_none_are_given(figure) -> None:
    assert not [text for text in texts(figure) if "paid" in text or "settle" in text]


def test_a_gap_is_left_when_slots_are_missing(schedules: pl.DataFrame) -> None:
    mpc = schedules.filter((pl.col("policy") == "mpc") & (pl.col("local_day") == ORDINARY)).sort("slot_start")
    gapped = draw(pl.concat([mpc[:20], mpc[24:]]))
    drawn = steps(axes_named(gapped, "kW")[0], BLUE)
    assert np.flatnonzero(np.isnan(drawn)).tolist() == [20, 21, 22, 23]
    png_bytes(gapped)


def test_figure_is_drawn_when_nothing_happens_and_the_price_is_flat(schedules: pl.DataFrame) -> None:
    idle = schedules.filter((pl.col("policy") == "idle") & (pl.col("local_day") == ORDINARY))
    flows = ("load_kwh", "pv_kwh", "charge_kwh", "discharge_kwh", "export_kwh", "import_kwh")
    still = draw(idle.with_columns(*(pl.lit(0.0).alias(flow) for flow in flows), import_price=pl.lit(0.0)))
    low, high = axes_named(still, "EUR/kWh")[0].get_ylim()
    assert low == 0 < high
    assert still.legends == [], "nothing is there to explain"
    png_bytes(still)


@pytest.mark.parametrize("cheaper", [0.0, 10.0])
def test_price_is_drawn_from_its_own_zero_when_it_is_above_or_below(schedules: pl.DataFrame, cheaper: float) -> None:
    changed = draw(schedules.with_columns(pl.col("import_price") - cheaper))
    (price,) = axes_named(changed, "EUR/kWh")
    low, high = price.get_ylim()
    assert low <= 0 < high
    assert (low < 0) == bool(cheaper)
    assert len(changed.axes) == 1 + 2 * len(POLICIES), "no second axis in the panels"


def test_legend_names_only_what_is_drawn_when_there_is_no_sun(schedules: pl.DataFrame) -> None:
    dark = schedules.filter(pl.col("policy") == "oracle").with_columns(pv_kwh=pl.lit(0.0), export_kwh=pl.lit(0.0))
    (legend,) = draw(dark).legends
    assert [text.get_text() for text in legend.get_texts()] == ["battery charges", "battery discharges", "load"]


def test_figure_is_refused_when_the_day_has_no_schedule(schedules: pl.DataFrame) -> None:
    with pytest.raises(DataMissingError, match="2024-01-01"):
        draw(schedules, date(2024, 1, 1))


def test_large_picture_is_1200_pixels_wide_when_written(figure) -> None:
    content = png_bytes(figure)
    assert int.from_bytes(content[16:20]) == 1200
    assert len(content) < 100_000


@pytest.mark.parametrize("day", [AUTUMN, SPRING, ORDINARY])
def test_small_picture_is_under_50_kb_when_written(schedules: pl.DataFrame, day: date) -> None:
    content = png_bytes(draw(schedules, day, small=True, costs=dict.fromkeys(POLICIES, 1.0)))
    assert len(content) < 50_000
    assert int.from_bytes(content[16:20]) == 640
