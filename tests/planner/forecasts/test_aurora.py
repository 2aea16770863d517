"""Aurora on a synthetic home whose load has a daily shape and whose sky changes from day to day."""

from datetime import UTC, date, datetime, timedelta
from functools import cache

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkstar_pipeline.warehouse.schemas import SLOT_FORECASTS
from env.time_grid import SLOT, SLOT_DTYPE, day_start, days_between, grid, local_clock, local_day, slot_count
from planner.forecasts.aurora import aurora_forecasts, aurora_scenarios
from planner.forecasts.aurora_fitting import fit_aurora, with_outages
from planner.forecasts.aurora_model import LEAST_DAYS, AuroraModel
from planner.forecasts.clear_sky import ClearSky, PvSystem, clear_sky_kwh_per_kw
from planner.forecasts.features import AuroraHome, PairFeatures
from planner.forecasts.slot_series import DAY_SLOTS, SlotSeries, external_forecast, readings_before, slot_series
from tests.builders.homes import STOCKHOLM

FIRST, LAST = date(2026, 2, 16), date(2026, 4, 12)  # the spring day of 92 slots is among them
SHORT_DAY = date(2026, 3, 29)


@cache
def readings(seed: int = 3) -> pl.DataFrame:
    """Load by the clock with noise; PV a cloudy or clear share of the same arch."""
    rng = np.random.default_rng(seed)
    slots = grid(FIRST, LAST, STOCKHOLM).with_columns(local_clock(STOCKHOLM))
    clock = slots["local_clock"].to_numpy() / 1440
    sky = pl.DataFrame({"local_day": list(days_between(FIRST, LAST))})
    share = rng.uniform(0.1, 1.0, sky.height)
    clear = slots.join(sky.with_columns(share=pl.Series(share)), on="local_day", maintain_order="left")["share"]
    arch = np.maximum(np.sin(np.pi * (clock - 0.25) / 0.5), 0.0) * ((clock > 0.25) & (clock < 0.75))
    load = 0.3 + 0.2 * np.sin(2 * np.pi * clock) ** 2 + rng.exponential(0.05, slots.height)
    return slots.select("slot_start", load_kwh=pl.Series(load), pv_kwh=pl.Series(arch * clear.to_numpy()))


@cache
def outlook() -> pl.DataFrame:
    """Return a weather service's forecasts of each midnight: a correct PV forecast, and a temperature."""
    days = readings().with_columns(local_day(STOCKHOLM))
    return days.select(
        "slot_start",
        known_at=pl.col("slot_start").min().over("local_day"),
        pv_expected_kwh="pv_kwh",
        temp_c=pl.lit(4.0),
    )


def home(history: pl.DataFrame, *, weather: bool = False) -> AuroraHome:
    return AuroraHome(slot_series(history, STOCKHOLM, external=outlook() if weather else None, country="SE"))


def everything(series: SlotSeries) -> np.ndarray:
    return np.ones(len(series), dtype=bool)


@cache
def fitted(*, weather: bool = False) -> AuroraModel:
    known = home(readings(), weather=weather)
    return fit_aurora(known, everything(known.series))


def scrambled(vintage: datetime, seed: int, value: float | None) -> pl.DataFrame:
    """The readings, everything from the vintage on replaced."""
    later = pl.col("slot_start") >= vintage
    noise = pl.Series(np.random.default_rng(seed).uniform(0, 9, readings().height))
    return readings().with_columns(
        load_kwh=pl.when(later).then(pl.lit(value, dtype=pl.Float64)).otherwise("load_kwh"),
        pv_kwh=pl.when(later).then(noise).otherwise("pv_kwh"),
    )


MOMENTS = st.builds(
    lambda day, slot: day_start(day, STOCKHOLM) + slot * SLOT,
    st.dates(date(2026, 3, 10), date(2026, 4, 8)),
    st.integers(0, 91),
)


@settings(max_examples=10, deadline=None)
@given(
    vintage=MOMENTS,
    seed=st.integers(0, 2**32 - 1),
    value=st.sampled_from([0.0, 1e6, float("nan"), None]),
    weather=st.booleans(),
)
def test_features_are_the_same_when_everything_from_their_vintage_on_is_scrambled(
    vintage: datetime,
    seed: int,
    value: float | None,
    weather: bool,  # noqa: FBT001 - drawn by Hypothesis, by name
) -> None:
    """The leakage rule, by bytes: of every feature, over eight days ahead, and of the base."""
    made = [
        _known(home(history, weather=weather), vintage) for history in (readings(), scrambled(vintage, seed, value))
    ]
    for one, other in zip(*made, strict=True):
        assert one.names == other.names
        np.testing.assert_array_equal(one.values, other.values)
        np.testing.assert_array_equal(one.base, other.base)


def _known(aurora_home: AuroraHome, vintage: datetime) -> tuple[PairFeatures, PairFeatures]:
    at = aurora_home.series.index(vintage)
    slots = np.arange(at, min(at + 7 * DAY_SLOTS, len(aurora_home.series)))
    return aurora_home.load(np.full(len(slots), at), slots), aurora_home.pv(np.full(len(slots), at), slots)


@cache
def half_fitted() -> AuroraModel:
    """Learned on the days up to the middle of March: the later ones only say how it has done since."""
    known = home(readings())
    allowed = everything(known.series)
    allowed[known.series.index(day_start(date(2026, 3, 16), STOCKHOLM)) :] = False
    return fit_aurora(known, allowed)


@settings(max_examples=5, deadline=None)
@given(
    day=st.dates(date(2026, 3, 17), date(2026, 4, 8)),
    slot=st.integers(0, 91),
    seed=st.integers(0, 2**32 - 1),
    value=st.sampled_from([1e6, None]),
)
def test_forecast_is_the_same_when_everything_from_its_vintage_on_is_scrambled(
    day: date, slot: int, seed: int, value: float | None
) -> None:
    """The days since the model was fitted move its quantiles, and only those that had ended."""
    vintage = day_start(day, STOCKHOLM) + slot * SLOT
    ends = [vintage + timedelta(days=2)]
    homes = [home(history) for history in (readings(), scrambled(vintage, seed, value))]
    made = [aurora_forecasts(half_fitted(), known, [vintage], ends, STOCKHOLM) for known in homes]
    assert made[0].equals(made[1])


def test_quantiles_move_when_the_last_days_were_not_as_before() -> None:
    """Load that has grown by half a slot's usual use for ten days lifts what is expected of the eleventh."""
    day = date(2026, 4, 1)
    grown = pl.col("slot_start").is_between(
        day_start(day - timedelta(days=10), STOCKHOLM), day_start(day, STOCKHOLM), closed="left"
    )
    more = readings().with_columns(load_kwh=pl.col("load_kwh") + 0.4 * grown)
    at = np.array([home(readings()).series.index(day_start(day, STOCKHOLM))])
    low, high = (
        half_fitted().load.recent_widening_at(known, known.load, known.series.load_kwh, at)[2, 0]
        for known in (home(readings()), home(more))
    )
    assert high > low + 0.1


@pytest.mark.parametrize("day", [SHORT_DAY, date(2026, 4, 2)], ids=["92 slots", "96 slots"])
def test_scenarios_are_the_same_when_everything_from_their_midnight_on_is_scrambled(day: date) -> None:
    homes = [home(history) for history in (readings(), scrambled(day_start(day, STOCKHOLM), 5, 1e6))]
    one, other = (aurora_scenarios(fitted(), known, [day], STOCKHOLM)[day] for known in homes)
    np.testing.assert_array_equal(one.load_kwh, other.load_kwh)
    np.testing.assert_array_equal(one.pv_kwh, other.pv_kwh)


def test_external_forecast_is_not_seen_when_it_was_issued_after_the_vintage() -> None:
    day = date(2026, 4, 2)
    aurora_home = home(readings(), weather=True)
    first, next_day = (aurora_home.series.index(day_start(day + timedelta(days=ahead), STOCKHOLM)) for ahead in (0, 1))
    known = aurora_home.pv(np.array([first, first]), np.array([first + 48, next_day + 48]))
    expected = known.values[:, known.names.index("expected")]
    assert np.isfinite(expected[0])
    assert np.isnan(expected[1])


def test_outlook_is_the_last_word_known_when_it_was_said_anew() -> None:
    """Of the issues for a noon the last that was known counts; a value that it leaves out stays as it was."""
    noon = day_start(date(2026, 4, 2), STOCKHOLM) + 48 * SLOT
    issues = pl.DataFrame(
        {
            "slot_start": [noon] * 4,
            "known_at": [noon - timedelta(hours=hours) for hours in (60, 36, 30, 20)],
            "temp_c": [1.0, 2.0, 3.0, 4.0],
            "cloud": [50.0, None, None, None],
        },
    ).with_columns(pl.col("slot_start", "known_at").cast(SLOT_DTYPE))
    series = slot_series(readings(), STOCKHOLM, external=issues)
    slot = np.array([series.index(noon)] * 5)
    vintage = slot - 4 * np.array([61, 60, 36, 24, 12])  # hours before noon
    np.testing.assert_array_equal(external_forecast(series, "temp_c", slot, vintage), [np.nan, 1.0, 2.0, 3.0, 4.0])
    assert external_forecast(series, "cloud", slot[-1:], vintage[-1:]) == [50.0]


def test_seen_gives_nothing_when_a_slot_has_not_ended() -> None:
    values = np.arange(5.0)
    np.testing.assert_array_equal(
        readings_before(values, np.array([-1, 1, 2, 3]), np.array([3, 2, 2, 3])), [np.nan, 1.0, np.nan, np.nan]
    )


def test_forecast_is_a_table_of_ordered_quantiles_when_the_day_is_short() -> None:
    vintage = day_start(SHORT_DAY, STOCKHOLM)
    end = day_start(SHORT_DAY + timedelta(days=2), STOCKHOLM)
    made = aurora_forecasts(fitted(), home(readings()), [vintage], [end], STOCKHOLM)
    stored = made.with_columns(site=pl.lit("home")).select(SLOT_FORECASTS.schema.names())
    assert stored.schema == SLOT_FORECASTS.schema
    assert made.height == 3 * (slot_count(SHORT_DAY, STOCKHOLM) + 96)
    assert made["local_day"].unique().to_list() == [SHORT_DAY]
    for name in ("load_kwh", "pv_kwh"):
        low, middle, high = (made.filter(pl.col("quantile") == q)[name].to_numpy() for q in (0.1, 0.5, 0.9))
        assert (low <= middle).all()
        assert (middle <= high).all()
        assert (low >= 0).all()
        assert (low < high).any()


def test_forecast_reaches_seven_days() -> None:
    vintage = day_start(date(2026, 4, 13), STOCKHOLM)
    made = aurora_forecasts(fitted(), home(readings()), [vintage], [vintage + timedelta(days=7)], STOCKHOLM)
    assert made.height == 3 * 7 * DAY_SLOTS
    assert made["load_kwh"].null_count() == 0
    assert made["pv_kwh"].sum() > 0


def test_model_names_missing_inputs_and_is_better_with_weather() -> None:
    assert "pv_expected_kwh" in fitted().lacks
    assert set(fitted(weather=True).lacks) == {"cloud", "irradiance", "vacation", "alarm"}
    without, with_weather = (np.abs(fitted(weather=weather).errors.pv_share).mean() for weather in (False, True))
    assert with_weather < 0.7 * without


def test_forecast_is_the_same_when_weather_is_given_to_a_model_without_any() -> None:
    vintage = day_start(LAST, STOCKHOLM)
    made = [
        aurora_forecasts(fitted(), home(readings(), weather=weather), [vintage], [vintage + 4 * SLOT], STOCKHOLM)
        for weather in (False, True)
    ]
    assert made[0].drop("temp_c").equals(made[1].drop("temp_c"))


def test_forecast_is_made_when_a_model_with_weather_is_given_none() -> None:
    vintage = day_start(LAST, STOCKHOLM)
    made = aurora_forecasts(fitted(weather=True), home(readings()), [vintage], [vintage + timedelta(days=1)], STOCKHOLM)
    assert made["load_kwh"].null_count() == 0
    assert made["pv_kwh"].sum() > 1.0


def test_quantiles_cover_what_they_say_when_the_weeks_are_new() -> None:
    """Learned on the first half of the days, homes about the others: 10 % and 90 % of the readings are below."""
    known = home(readings())
    vintages = [day_start(day, STOCKHOLM) for day in days_between(date(2026, 3, 17), date(2026, 4, 11))]
    made = aurora_forecasts(half_fitted(), known, vintages, [v + timedelta(days=1) for v in vintages], STOCKHOLM)
    met = made.join(readings(), on="slot_start", suffix="_read")
    below = met.group_by("quantile").agg((pl.col("load_kwh_read") <= pl.col("load_kwh")).mean()).sort("quantile")
    np.testing.assert_allclose(below["load_kwh_read"], [0.1, 0.5, 0.9], atol=0.08)


def test_same_seed_gives_the_same_model_when_fitted_twice() -> None:
    again = half_fitted.__wrapped__()
    assert again.load.mean.model_to_string() == half_fitted().load.mean.model_to_string()
    assert again.load.widening == half_fitted().load.widening
    np.testing.assert_array_equal(again.load.past.scores, half_fitted().load.past.scores)


def test_model_is_refused_when_history_is_short() -> None:
    known = home(readings().head(LEAST_DAYS * DAY_SLOTS - 1))
    with pytest.raises(ValueError, match="import more days"):
        fit_aurora(known, everything(known.series))


def test_home_without_panels_gets_no_pv_when_forecast() -> None:
    known = home(readings().with_columns(pv_kwh=pl.lit(0.0)))
    model = fit_aurora(known, everything(known.series))
    assert model.pv is None
    vintage = day_start(LAST, STOCKHOLM)
    made = aurora_forecasts(model, known, [vintage], [vintage + timedelta(days=1)], STOCKHOLM)
    assert made["pv_kwh"].unique().to_list() == [0.0]
    scenarios = aurora_scenarios(model, known, [LAST], STOCKHOLM)[LAST]
    assert (scenarios.pv_kwh == 0).all()


def test_scenarios_are_around_the_forecast_when_days_are_short_or_long() -> None:
    known, days = home(readings()), [SHORT_DAY, date(2026, 4, 2)]
    made = aurora_scenarios(fitted(), known, days, STOCKHOLM, n_scenarios=15)
    for day in days:
        paths = made[day]
        assert paths.load_kwh.shape == (1, 15, slot_count(day, STOCKHOLM))
        assert paths.pv_kwh.shape == paths.load_kwh.shape
        assert (paths.load_kwh >= 0).all()
        assert paths.pv_kwh.sum(axis=2).std() > 1.0
        assert paths.load_kwh.mean() == pytest.approx(0.45, abs=0.05)


def test_clear_sky_is_the_brightest_of_the_days_before_when_some_were_cloudy() -> None:
    series = slot_series(readings(), STOCKHOLM)
    noon = series.index(day_start(date(2026, 4, 1), STOCKHOLM)) + 48
    (clear,) = ClearSky(series).at(np.array([noon]), np.array([noon - 48]))
    before = [series.pv_kwh[noon - DAY_SLOTS * back] for back in range(1, 20)]
    assert np.mean(before) < clear <= max(before) + 1e-9


@pytest.mark.parametrize(("day", "least", "most"), [(date(2026, 3, 20), 5.0, 8.0), (date(2026, 2, 17), 2.5, 5.5)])
def test_physical_clear_sky_is_what_a_panel_makes_when_the_sun_is_high_or_low(
    day: date, least: float, most: float
) -> None:
    """A kilowatt tilted south at 59 degrees north: kilowatt-hours of a cloudless day."""
    series = slot_series(readings(), STOCKHOLM)
    made = clear_sky_kwh_per_kw(series, PvSystem(latitude=59.3, longitude=18.1, tilt=40.0))
    first = series.index(day_start(day, STOCKHOLM))
    assert least < made[first : first + DAY_SLOTS].sum() < most
    assert made[first : first + 4].sum() == 0.0
    # Solar noon at 18 degrees east is at about 11:55 local in winter, 12:55 in summer.
    assert abs(int(made[first : first + DAY_SLOTS].argmax()) - 48) <= 2


@pytest.mark.parametrize("hours", [0, 4, 16], ids=lambda hours: f"at {hours}")
def test_features_are_the_same_when_weather_that_was_said_later_is_scrambled(hours: int) -> None:
    """The leakage rule for forecasts that were kept: what was issued after a vintage is nothing to it, by bytes."""
    vintage, issues = day_start(date(2026, 4, 1), STOCKHOLM) + timedelta(hours=hours), _issues()
    later = pl.col("known_at") > vintage
    noise = pl.Series(np.random.default_rng(hours).uniform(-50, 50, issues.height))
    names = ("temp_c", "cloud")
    spoiled = issues.with_columns(pl.when(later).then(noise).otherwise(name).alias(name) for name in names)
    spoiled = spoiled.filter(~later | (pl.int_range(pl.len()) % 3 > 0))  # some are not even there
    homes = [AuroraHome(slot_series(readings(), STOCKHOLM, external=each)) for each in (issues, spoiled)]
    at = homes[0].series.index(vintage)
    slots = np.arange(at, at + 3 * DAY_SLOTS)
    made = [[home.load(np.full(len(slots), at), slots), home.pv(np.full(len(slots), at), slots)] for home in homes]
    for one, other in zip(*made, strict=True):
        np.testing.assert_array_equal(one.values, other.values)
    temperature = made[0][0].values[:, made[0][0].names.index("temp_c")]
    # The latest that was known then, issued some hours before each slot or before the vintage.
    assert np.isfinite(temperature[: 2 * DAY_SLOTS]).all()
    assert temperature[0] == 5.0


@cache
def _issues() -> pl.DataFrame:
    """Temperature and clouds of three days ahead, issued every three hours: so many hours before, in both."""
    slots = readings().filter(pl.col("slot_start") > datetime(2026, 3, 25, tzinfo=UTC)).select("slot_start")
    issues = [
        slots.with_columns(
            known_at=(pl.col("slot_start").dt.truncate("3h") - pl.duration(hours=by)).cast(SLOT_DTYPE),
            temp_c=pl.lit(5.0 + by),
            cloud=pl.lit(float(by)),
        )
        for by in range(0, 72, 3)
    ]
    return pl.concat(issues)


def test_trees_know_outages_when_weather_was_never_missing() -> None:
    """A model that always had the temperature does not take its absence for zero degrees."""
    known = home(readings(), weather=True)
    vintage = np.repeat(np.arange(30, 40) * DAY_SLOTS, 40)
    features = known.load(vintage, vintage + np.tile(np.arange(40), 10))
    column = features.names.index("temp_c")
    filled = PairFeatures(features.names, np.nan_to_num(features.values, nan=1.0), features.base)
    made = with_outages(filled, vintage)
    assert np.isnan(made.values[:, column]).sum() == 40  # one day in sixteen
    assert np.isfinite(made.values[:, made.names.index("profile")]).all()
    rare = filled.values.copy()
    rare[:20, column] = np.nan
    assert np.isnan(with_outages(PairFeatures(filled.names, rare, filled.base), vintage).values[:, column]).sum() == 20


def test_day_of_which_no_forecast_was_kept_is_unknown_and_not_dark() -> None:
    day = date(2026, 4, 2)
    start = day_start(day, STOCKHOLM)
    kept = outlook().filter(~pl.col("slot_start").is_between(start, start + timedelta(days=1), closed="left"))
    aurora_home = AuroraHome(slot_series(readings(), STOCKHOLM, external=kept))
    at = aurora_home.series.index(start)
    known = aurora_home.pv(np.array([at, at - DAY_SLOTS]), np.array([at + 48, at - 48]))
    whole_day = known.values[:, known.names.index("expected_day")]
    assert np.isnan(whole_day[0])
    assert whole_day[1] > 0
