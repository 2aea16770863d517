"""A tariff whose export price is held between bounds: relaxed economics, which are not the home's own."""

from dataclasses import dataclass

import polars as pl

from env.tariff import Tariff


@dataclass(frozen=True)
class BoundedExport(Tariff):
    """The tariff of a home with bounds of what it is paid for export.

    Attributes:
        least: lowest export price; None for no bound [money/kWh].
        most: highest export price; None for no bound [money/kWh].
    """

    least: float | None = None
    most: float | None = None

    def with_prices(self, slots: pl.DataFrame, timezone: str) -> pl.DataFrame:
        """Return slots with `import_price` and the bounded `export_price`, as `Tariff.with_prices`."""
        priced = super().with_prices(slots, timezone)
        return priced.with_columns(pl.col("export_price").clip(self.least, self.most))
