"""The resolution of the market that a day's prices come from: one price an hour, or one a quarter-hour.

Where the market is hourly, the four slots of an hour carry one price, so a zero beside three quarters of a price is a
recorder's and the price it hid is known exactly. The market is recognised by the prices themselves, because a file on a
15-minute grid does not say which market it was copied from.
"""

import polars as pl

DAY = "local_day"
SLOTS_PER_HOUR = 4

LEAST_HOURS = 6
"""Hours with two or more prices that a day needs before its market is recognised."""
LEAST_LEVELS = 4
"""Different hourly prices that a day needs before constant hours mean an hourly market."""
HOURLY_SHARE = 0.9
"""Share of constant hours from which a market is hourly. SE1-SE4 before 2025-10: 1 on every day."""
QUARTER_SHARE = 0.5
"""Share of constant hours below which a market is surely quarter-hourly. SE1-SE4 since 2025-10: at most 0.29."""
_SAME = 1e-6  # relative; repeated prices are equal, averaged ones nearly


def with_market_hours(frame: pl.DataFrame) -> pl.DataFrame:
    """Add the evidence of the hour and the day to each slot.

    Args:
        frame: `slot_start`, `local_day`, `price` [money/kWh, null where missing], `native_minutes` [min, nullable].

    Returns:
        The frame with `hour_price` [money/kWh]: the one price of the slot's market hour, null where the day's market is
        not hourly or the hour has none but zeros; `hourly`: whether the day's market is; `quarterly`: whether it is
        surely quarter-hourly.
    """
    return (
        frame.with_columns(_hour_prices())
        .with_columns(_day_evidence())
        .with_columns(_verdict())
        .with_columns(
            hour_price=pl.when(pl.col("hourly") & pl.col("_constant")).then(pl.col("_least")),
        )
        .drop("_least", "_constant", "_comparable", "_hours", "_share", "_levels")
    )


def _hour_prices() -> list[pl.Expr]:
    """Per market hour: its least price other than zero, whether there is one only, whether two slots say so."""
    hour = [DAY, pl.col("slot_start").dt.truncate("1h")]
    price = pl.when(pl.col("price") != 0).then(pl.col("price"))
    least, most = price.min().over(hour), price.max().over(hour)
    return [
        least.alias("_least"),
        (most - least <= _SAME * least.abs()).alias("_constant"),
        (price.count().over(hour) >= 2).alias("_comparable"),  # noqa: PLR2004 - one price cannot disagree with itself
    ]


def _day_evidence() -> list[pl.Expr]:
    """Per day: hours with two or more prices, the share of them that is constant, and how many prices they have."""
    comparable = pl.col("_comparable")
    return [
        (comparable.sum() / SLOTS_PER_HOUR).over(DAY).alias("_hours"),
        pl.col("_constant").filter(comparable).mean().over(DAY).alias("_share"),
        pl.col("_least").filter(comparable).n_unique().over(DAY).alias("_levels"),
    ]


def _verdict() -> list[pl.Expr]:
    enough = pl.col("_hours") >= LEAST_HOURS
    hourly = enough & (pl.col("_share") >= HOURLY_SHARE) & (pl.col("_levels") >= LEAST_LEVELS)
    fine = pl.col("native_minutes").max().over(DAY) < 60  # noqa: PLR2004 - minutes of an hour
    quarterly = enough & (pl.col("_share") < QUARTER_SHARE) & fine
    return [hourly.fill_null(value=False).alias("hourly"), quarterly.fill_null(value=False).alias("quarterly")]
