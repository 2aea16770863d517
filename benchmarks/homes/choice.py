"""The choice of homes: the measured ones where they lie beside the checkout, else those that ship."""

from enum import StrEnum

from benchmarks.homes.bench_homes import BenchHomes
from benchmarks.homes.measured import SHARED, MeasuredHomes
from benchmarks.homes.shipped import ShippedHomes


class Data(StrEnum):
    """The data that a benchmark can run on."""

    MEASURED = "measured"
    SHIPPED = "shipped"


def chosen_homes(data: Data | None = None) -> BenchHomes:
    """Return the homes of that data; None for the measured homes where they are there, else the shipped ones."""
    if data is None:
        data = Data.MEASURED if SHARED.is_dir() else Data.SHIPPED
    return MeasuredHomes() if data is Data.MEASURED else ShippedHomes()
