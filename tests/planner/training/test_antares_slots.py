from datetime import date

import numpy as np
import polars as pl
import pytest

from planner.errors import DatasetVersionError
from planner.training.antares_slots import (
    BATTERY_READINGS,
    SLOT_COLUMNS,
    antares_slots,
    check_version,
    training_episodes,
)
from tests.builders.homes import days_of_slots, home

CLEAN, MASKED, REFUSED, TORN = date(2026, 3, 29), date(2026, 3, 30), date(2026, 3, 31), date(2026, 4, 1)
GRADES = pl.DataFrame(
    {"day": [CLEAN, MASKED, REFUSED, TORN], "status": ["clean", "mask_battery", "exclude", "clean"]},
    schema_overrides={"day": pl.Date},
)


def tables() -> dict[str, pl.DataFrame]:
    """Four days: one of 92 slots, one whose battery is masked, one refused, one with a hole in its load."""
    slots = days_of_slots(CLEAN, TORN, seed=2)
    rng = np.random.default_rng(1)
    hole = (pl.col("local_day") == TORN) & (pl.int_range(pl.len()).over("local_day") == 7)
    observations = slots.select(
        "slot_start",
        "local_day",
        pl.when(~hole).then("load_kwh").alias("load_kwh"),
        pl.lit(None, pl.Float64).alias("pv_kwh"),
        *(pl.Series(name, rng.random(slots.height)) for name in BATTERY_READINGS),
    )
    morning = [
        slots.select("slot_start", "local_day", quantile=pl.lit(q), load_kwh=pl.lit(q), pv_kwh=pl.lit(2 * q))
        for q in (0.1, 0.5)
    ]
    day_before = slots.select(  # the same slots, seen a day earlier
        "slot_start",
        pl.col("local_day").dt.offset_by("-1d"),
        quantile=pl.lit(0.5),
        load_kwh=pl.lit(9.0),
        pv_kwh=pl.lit(9.0),
    )
    forecasts = pl.concat([*morning, day_before])
    schedules = pl.concat(
        [
            slots.filter(pl.col("local_day") == CLEAN).select(
                "slot_start",
                policy=pl.lit(policy),
                soc_start_kwh=pl.lit(power),
                charge_kw=pl.lit(power),
                discharge_kw=pl.lit(power + 1),
                export_kw=pl.lit(power + 2),
            )
            for policy, power in (("mpc", 3.0), ("value", 5.0))
        ]
    )
    return {
        "observations": observations,
        "prices": slots.select("slot_start", price="export_price"),
        "forecasts": forecasts,
        "schedules": schedules,
    }


def found() -> pl.DataFrame:
    given = tables()
    return antares_slots(
        given["observations"], given["prices"], GRADES, given["forecasts"], given["schedules"], home(), has_pv=False
    )


def test_slots_are_those_of_whole_usable_days_in_order() -> None:
    slots = found()
    assert tuple(slots.columns) == SLOT_COLUMNS
    assert slots.group_by("local_day", maintain_order=True).len().rows() == [(CLEAN, 92), (MASKED, 96)]
    assert slots["slot_start"].is_sorted()
    assert slots["pv_kwh"].to_list() == [0.0] * 188


def test_batterys_own_readings_are_null_when_the_day_is_masked() -> None:
    for (masked, day), rows in found().group_by("battery_masked", "local_day"):
        assert masked == (day == MASKED)
        assert rows["quality"].unique().to_list() == ["mask_battery" if masked else "clean"]
        for name in BATTERY_READINGS:
            assert rows[name].null_count() == (rows.height if masked else 0)
        assert rows["load_kwh"].null_count() == 0


def test_forecast_is_the_median_of_the_slots_own_morning() -> None:
    assert found()["load_forecast_kwh"].unique().to_list() == [0.5]
    assert found()["pv_forecast_kwh"].unique().to_list() == [1.0]


def test_mpc_is_what_is_imitated_and_null_when_it_was_not_replayed() -> None:
    columns = ["soc_kwh", "battery_charge_kw", "battery_discharge_kw", "export_kw"]
    by_day = found().group_by("local_day", maintain_order=True).agg(pl.col(columns).unique())
    assert by_day.rows() == [(CLEAN, [3.0], [3.0], [4.0], [5.0]), (MASKED, [None], [None], [None], [None])]


def test_version_is_refused_when_it_does_not_exist() -> None:
    check_version("v1")
    with pytest.raises(DatasetVersionError, match="'v0' is not known; known: v1"):
        check_version("v0")


def test_episodes_are_a_row_a_day_with_what_policies_paid() -> None:
    results = pl.DataFrame(
        {
            "day": [CLEAN, CLEAN, MASKED, REFUSED],
            "policy": ["idle", "mpc", "oracle", "idle"],
            "cost": [5.0, 3.0, -1.0, 2.0],
            "start_soc_kwh": [17.1] * 4,
            "settlement_value": [0.9, 0.9, 0.7, 0.1],
        }
    )
    rows = training_episodes(results, GRADES.filter(pl.col("day") != REFUSED), home())
    assert rows.rows() == [
        (CLEAN, "v1", "clean", False, 92, 17.1, 0.9, 5.0, None, 3.0, None, None),
        (MASKED, "v1", "mask_battery", True, 96, 17.1, 0.7, None, None, None, None, -1.0),
    ]
    assert training_episodes(results.clear(), GRADES, home()).is_empty()
