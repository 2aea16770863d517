"""Sizes of batteries and panels: yearly savings, prices, and the years until a saving has paid a price."""

from collections.abc import Sequence
from dataclasses import dataclass

from planner.whatif.figures import Figures

YEAR_DAYS = 365


@dataclass(frozen=True, kw_only=True)
class Size:
    """A battery, and panels as a multiple of those that were read.

    Attributes:
        capacity_kwh: nominal capacity [kWh].
        power_kw: charging and discharging power [kW].
        pv_scale: factor of the PV that was read.
    """

    capacity_kwh: float
    power_kw: float
    pv_scale: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Prices of a battery and of further panels.

    Attributes:
        per_kwh: of capacity [money/kWh].
        per_kw: of power [money/kW].
        per_kwp: of panels beyond those that there are [money/kWp].
        fixed: of any battery, such as its installation [money].
    """

    per_kwh: float = 0.0
    per_kw: float = 0.0
    per_kwp: float = 0.0
    fixed: float = 0.0

    def of(self, size: Size, panels_kwp: float) -> float:
        """Return the price of a size in a home with so many panels [money]."""
        further = max(size.pv_scale - 1, 0.0) * panels_kwp
        return self.fixed + self.per_kwh * size.capacity_kwh + self.per_kw * size.power_kw + self.per_kwp * further


@dataclass(frozen=True, kw_only=True)
class SizeResult:
    """Saving and price of a size.

    Attributes:
        size: battery and panels.
        figures: of the policy over the days; its saving is against the same house without a battery.
        saving: against the house as it is without a battery, wear counted as a cost [money].
        bill_saving: the same without wear: what the bills are lower by [money].
        yearly_saving: `saving` of a year; None where the days are not one and were not to be scaled [money].
        yearly_bill_saving: `bill_saving` of a year, or None [money].
        price: of battery and further panels; None without prices [money].
        payback_years: years until bills that are lower have paid the price; None where they never do, or without
            prices or a year.
    """

    size: Size
    figures: Figures
    saving: float
    bill_saving: float
    yearly_saving: float | None
    yearly_bill_saving: float | None
    price: float | None
    payback_years: float | None


def year_factor(span_days: int, used_days: int, *, scaled: bool) -> float | None:
    """Return the factor from the days that were replayed to a year; None where they are not one.

    Args:
        span_days: days of the calendar from the first to the last.
        used_days: days of them that were replayed; the others count as no saving.
        scaled: whether the replayed days are taken for a whole year, whatever their number.
    """
    if scaled:
        return YEAR_DAYS / used_days
    return YEAR_DAYS / span_days if span_days >= YEAR_DAYS else None


def size_result(
    size: Size, figures: Figures, *, from_panels: float, factor: float | None, costs: Costs | None, panels_kwp: float
) -> SizeResult:
    """Return saving, price and payback of a size.

    Args:
        size: battery and panels.
        figures: of the policy, with its saving.
        from_panels: what further panels save without a battery [money].
        factor: from the replayed days to a year; None where they are not one.
        costs: prices; None for none.
        panels_kwp: panels of the home as it is [kWp].
    """
    saving = (figures.saving if figures.saving is not None else 0.0) + from_panels
    bill = saving + figures.wear
    yearly, yearly_bill = (None if factor is None else factor * money for money in (saving, bill))
    price = None if costs is None else costs.of(size, panels_kwp)
    pays = None if price is None or yearly_bill is None or yearly_bill <= 0 else price / yearly_bill
    return SizeResult(
        size=size,
        figures=figures,
        saving=saving,
        bill_saving=bill,
        yearly_saving=yearly,
        yearly_bill_saving=yearly_bill,
        price=price,
        payback_years=pays,
    )


def best_of(results: Sequence[SizeResult]) -> SizeResult:
    """Return the size that is paid back soonest; without a payback the one that saves most."""
    paid = [result for result in results if result.payback_years is not None]
    if paid:
        return min(paid, key=lambda result: (result.payback_years or 0.0, -result.saving))
    return max(results, key=lambda result: result.saving)
