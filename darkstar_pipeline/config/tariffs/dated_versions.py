"""Versions of a site's tariff out of the catalogue: one begins wherever tax, feed-in pay or grid tariff changes."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Literal, TypeVar

from darkstar_pipeline.config.tariff import TariffSettings
from darkstar_pipeline.config.tariffs.catalogue import Dated, FeedIn, GridCompany, GridTariff, Tax, tariffs_in

_BEGINNING = date(2000, 1, 1)
PRICE_LIST = timedelta(days=460)
"""Time that a price list without an end counts as known: most are of a calendar year, or a little more."""
_Value = TypeVar("_Value", bound=Dated)


def tariff_versions(
    area: str, company: GridCompany | None, *, has_pv: bool | None, usual_fee: float = 0.0
) -> tuple[TariffSettings, ...]:
    """Return the tariff of a home, a version for each span in which nothing changes; empty for unknown countries.

    Days before the first known value are billed by it, and days after the last by that; each version says until when
    its values are known.

    Args:
        area: price area.
        company: grid company; None for taxes alone.
        has_pv: whether the home has panels; None where it is not known.
        usual_fee: transfer fee where no company gives one [money/kWh, before VAT].
    """
    part = tariffs_in(area)
    if part is None:
        return ()
    taxes = [tax for tax in part.taxes if not tax.areas or area in tax.areas]
    feed_in = [rule for rule in part.feed_in if has_pv is not False or not rule.needs_pv]
    grid = list(company.tariffs) if company is not None else []
    ends = [rule.valid_until + timedelta(days=1) for rule in feed_in if rule.valid_until is not None]
    first = min(tax.valid_from for tax in taxes)
    starts = sorted({first, *(each.valid_from for each in (*taxes, *feed_in, *grid)), *ends})
    starts = [start for start in starts if start >= first]
    versions = [
        _version(start, _in_force(taxes, start), _current(feed_in, start), _in_force(grid, start), usual_fee)
        for start in starts
    ]
    kept = [versions[0].model_copy(update={"valid_from": _BEGINNING})]
    kept += [new for old, new in pairwise(versions) if _without_days(old) != _without_days(new)]
    return tuple(kept)


def _in_force(values: Sequence[_Value], day: date) -> _Value | None:
    """Return the value in force on a day, before all of them the first."""
    begun = [value for value in values if value.valid_from <= day]
    return max(begun, key=lambda value: value.valid_from) if begun else next(iter(values), None)


def _current(rules: Sequence[FeedIn], day: date) -> FeedIn | None:
    """Return the feed-in rule of a day; none after its end."""
    return next(
        (rule for rule in rules if rule.valid_from <= day and (rule.valid_until is None or day <= rule.valid_until)),
        None,
    )


def _version(
    start: date, tax: Tax | None, feed_in: FeedIn | None, grid: GridTariff | None, usual_fee: float
) -> TariffSettings:
    """Return the fees of a day as a version that begins on it."""
    ends = [end for end in (tax and tax.valid_until, grid and _known_until(grid)) if end is not None]
    carried = grid is not None and start < grid.valid_from
    parts = {"tax": tax, "grid, first known price list": grid if carried else None}
    parts |= {"grid": None if carried else grid, "feed-in": feed_in}
    energy_tax = 0.0 if tax is None or tax.energy_tax is None else tax.energy_tax + tax.levy
    fee = usual_fee if grid is None else grid.transfer_fee
    unknown: list[Literal["transfer_fee", "energy_tax"]] = []
    if tax is None or tax.energy_tax is None:
        unknown.append("energy_tax")
    if grid is None or grid.transfer_fee is None:
        unknown.append("transfer_fee")
    return TariffSettings(
        valid_from=start,
        valid_until=min(ends, default=None),
        source="; ".join(f"{name}: {each.source}" for name, each in parts.items() if each is not None),
        unknown=tuple(unknown),
        vat=0.0 if tax is None else tax.vat,
        transfer_fee=0.0 if fee is None else fee,
        energy_tax=round(energy_tax, 6),
        export_bonus=0.0 if feed_in is None else feed_in.export_bonus,
        time_of_use=() if grid is None else grid.time_of_use,
        power=() if grid is None else grid.power,
    )


def _known_until(grid: GridTariff) -> date:
    """Return the last day for which a grid tariff counts as known."""
    return grid.valid_until if grid.valid_until is not None else grid.valid_from + PRICE_LIST


def _without_days(version: TariffSettings) -> TariffSettings:
    return version.model_copy(update={"valid_from": _BEGINNING})
