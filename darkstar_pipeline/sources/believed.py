"""The check that every reader's slots pass last: readings that the home cannot have had are taken out, and told."""

from collections.abc import Sequence

import polars as pl

from darkstar_pipeline.quality.unlike_home import REASON as UNLIKE
from darkstar_pipeline.quality.unlike_home import unlike_home
from darkstar_pipeline.sources.parsed import REASON, object_to
from darkstar_pipeline.sources.remarks import REFUSED, no_remarks, remarks_on
from env.home_rows import by_home, within_home

_FAR_PERCENT = 30.0
_BACK_PERCENT = 10.0
_WHEN = "%Y-%m-%d %H:%MZ"


def refuse_unlike_rows(checked: pl.DataFrame, energy: Sequence[str], timezone: str) -> pl.DataFrame:
    """Refuse the rows of a file in which a quantity cannot be true.

    Args:
        checked: rows with `slot_start`, `native_minutes` and `_reason`, one an instant of a home where `_reason` is
            null; of one home or several.
        energy: its energy columns.
        timezone: IANA zone of the home.
    """
    result = checked
    for name in energy:
        found = unlike_home(result.filter(pl.col(REASON).is_null()), name, timezone)
        if found.height:
            marked = result.join(found, on=by_home(result, "slot_start"), how="left", maintain_order="left")
            result = object_to(marked, [pl.col(UNLIKE)]).drop(UNLIKE)
    return result


def without_unlike_readings(slots: pl.DataFrame, timezone: str) -> tuple[pl.DataFrame, list[str], pl.DataFrame]:
    """Take out of slots what cannot be true: `slots` with nulls there, a note a quantity, and remarks.

    Args:
        slots: `slot_start`, `native_minutes` and energy columns, one row a slot.
        timezone: IANA zone of the home.
    """
    notes: list[str] = []
    remarks = [no_remarks()]
    result = slots
    for name in [column for column in slots.columns if column.endswith("_kwh")]:
        found = unlike_home(result, name, timezone)
        if found.height:
            first = found.row(0, named=True)
            notes.append(
                f"{found.height} readings of {name} are not believed and stay missing: "
                f"first {first['slot_start'].strftime(_WHEN)}, {first[UNLIKE]}"
            )
            remarks.append(remarks_on(found.rename({UNLIKE: "reason"}), name, REFUSED, timezone))
            gone = pl.col("slot_start").is_in(found["slot_start"].implode())
            result = result.with_columns(pl.when(~gone).then(pl.col(name)).alias(name))
    return result, notes, pl.concat(remarks)


def without_soc_excursions(rows: pl.DataFrame, names: Sequence[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Take out levels of charge that are far off in one row only; return the rows, and each level that was taken out.

    Those outside 0-100 % are left to the gate.

    Args:
        rows: rows with `slot_start` and `_reason`, of one home or several; refused rows take no part.
        names: columns of state of charge [%].
    """
    keys = by_home(rows, "slot_start")
    good = rows.filter(pl.col(REASON).is_null()).select(*keys, *names).sort(keys)
    result, taken = rows, [good.select(keys).clear()]
    for name in names:
        level, slot = pl.col(name), pl.col("slot_start")
        away = [(level - level.shift(step)).abs() > _FAR_PERCENT for step in (1, -1)]
        back = (level.shift(1) - level.shift(-1)).abs() <= _BACK_PERCENT
        near = slot.shift(-1) - slot.shift(1) <= pl.duration(hours=2)
        single = within_home(good, away[0] & away[1] & back & near) & level.is_between(0, 100)
        found = good.drop_nulls(name).filter(single).select(keys)
        if found.height:
            taken.append(found)
            marked = result.join(found.with_columns(_gone=True), on=keys, how="left", maintain_order="left")
            result = marked.with_columns(pl.when(pl.col("_gone").is_null()).then(level).alias(name)).drop("_gone")
    return result, pl.concat(taken)
