from datetime import timedelta

import polars as pl
import pytest

from planner.errors import UnverifiedScheduleError
from planner.evaluation.verified_days import REJECTED, only_verified, verified_days
from planner.value.protocol import Protocol
from tests.builders.schedules import AUTUMN, HOMES, REPLAYED, SPRING, example

PROTOCOL = Protocol(start_soc_kwh=example("default", "idle").start_soc_kwh)
SITE = HOMES["default"]


def schedules() -> pl.DataFrame:
    return pl.concat([example("default", policy).slots for policy in REPLAYED])


def spoiled() -> pl.DataFrame:
    """MPC on the autumn change is given energy for nothing, twice; idle the day after wears a wrong price tag."""
    of_mpc = (pl.col("policy") == "mpc") & (pl.col("local_day") == AUTUMN)
    twice = of_mpc & (pl.col("slot_start").dt.hour() == 12) & (pl.col("slot_start").dt.minute() < 30)
    tagged = (pl.col("policy") == "idle") & (pl.col("local_day") == AUTUMN + timedelta(days=1))
    return schedules().with_columns(
        import_kwh=pl.col("import_kwh") - pl.when(twice).then(0.5).otherwise(0.0),
        cost=pl.col("cost") + pl.when(tagged & (pl.col("slot_start").dt.hour() == 3)).then(1.0).otherwise(0.0),
    )


def test_days_pass_as_they_are_when_nothing_is_wrong() -> None:
    verified = verified_days(schedules(), SITE, PROTOCOL)
    assert verified.schedules.equals(schedules())
    assert verified.rejected.is_empty()
    assert verified.checked == len(REPLAYED) * 4
    assert only_verified(schedules(), SITE, PROTOCOL).equals(schedules())


def test_days_are_turned_away_by_themselves_when_something_is_wrong() -> None:
    verified = verified_days(spoiled(), SITE, PROTOCOL)
    turned_away = verified.rejected.sort("policy")
    assert turned_away.schema == REJECTED
    assert turned_away.select("day", "policy").rows() == [(AUTUMN + timedelta(days=1), "idle"), (AUTUMN, "mpc")]
    assert turned_away["rule"].to_list()[0] == "cost"
    assert turned_away["violations"].to_list()[1] >= 2
    left = set(verified.schedules.select("local_day", "policy").unique().rows())
    assert len(left) == verified.checked - 2
    assert (AUTUMN, "mpc") not in left
    assert (AUTUMN, "oracle") in left


def test_days_are_refused_as_a_whole_when_only_sound_ones_are_wanted() -> None:
    with pytest.raises(UnverifiedScheduleError, match=rf"idle on {AUTUMN + timedelta(days=1)} breaks the rule cost"):
        only_verified(spoiled(), SITE, PROTOCOL)


def test_day_is_turned_away_when_it_starts_with_another_stored_energy() -> None:
    rejected = verified_days(schedules(), SITE, Protocol(start_soc_kwh=20.0)).rejected
    assert rejected["rule"].unique().to_list() == ["start_soc"]
    assert SPRING in rejected["day"].to_list()


def test_nothing_is_turned_away_when_there_is_nothing() -> None:
    empty = schedules().clear()
    verified = verified_days(empty, SITE, PROTOCOL)
    assert (verified.checked, verified.schedules.height, verified.rejected.height) == (0, 0, 0)
