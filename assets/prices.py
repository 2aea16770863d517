"""Spot prices of every day, with implausible ones repaired, and their provenance."""

from collections.abc import Mapping

import dagster as dg
import polars as pl

from assets.description import days_of, describe_range, markdown_table
from assets.home import Check, Home, Result, daily_asset
from assets.raw import observe_raw
from assets.rows.prices import price_rows, repaired_prices
from darkstar_pipeline.warehouse.schemas import PRICE_REPAIRS, SPOT_PRICES

HAS_PRICES = Check(name="has_prices", description="There is a price for some slot of the range.", blocking=True)
REPAIRS = Check(name="few_repairs", description="No price of the range had to be repaired.")


def spot_prices_asset(home: Home) -> dg.AssetsDefinition:
    """The asset `spot_prices` of a home; it fills `spot_prices` and `price_repairs`."""

    @daily_asset(
        home,
        SPOT_PRICES,
        group="prices",
        kinds=("polars", "parquet"),
        inputs=("raw_spot_prices",),
        checks=(HAS_PRICES, REPAIRS),
    )
    def spot_prices(context: dg.AssetExecutionContext, raw_spot_prices: pl.DataFrame) -> Result:
        """Spot prices after repair, one row per slot that has a price, and in `price_repairs` what was changed and why.

        A zero that a recorder wrote for a missing price is repaired; a true zero or negative price is left alone.
        """
        days = days_of(context)
        observe_raw(context, home, "raw_spot_prices", raw_spot_prices)
        repaired = repaired_prices(home.settings, raw_spot_prices, days[0], days[-1])
        prices, repairs = price_rows(home.name, home.settings.area, repaired)
        describe_range(context, prices, "local_day", **_extras(repairs))
        return dg.MaterializeResult(
            value={SPOT_PRICES.name: prices, PRICE_REPAIRS.name: repairs},
            check_results=[
                HAS_PRICES.result(passed=prices.height > 0, slots=prices.height),
                REPAIRS.result(passed=repairs.height == 0, repaired_slots=repairs.height),
            ],
        )

    return spot_prices


def _extras(repairs: pl.DataFrame) -> Mapping[str, object]:
    methods = repairs.group_by("method").len("slots").sort("method")
    columns = ("slot_start", "raw_price", "repaired_price", "method", "evidence")
    return {
        "repaired slots": repairs.height,
        "repairs by method": markdown_table(methods),
        "repairs": markdown_table(repairs.select(columns), digits=4),
    }
