"""Homes that can be planned together, with what they pay: each tariff bills each course of spot prices once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np
import polars as pl

from darkstar_pipeline.datasets.month_prices import month_means
from darkstar_pipeline.planning.fleet.home_classes import HomeClass
from darkstar_pipeline.planning.fleet.homes_inputs import HomesInputs, HomesRows
from darkstar_pipeline.warehouse.schemas import RAW_SPOT_PRICES
from env.inverter import Energy
from env.power_tariff import PowerTariff
from env.site import Site
from planner.policies.window import PUBLISHED_MINUTE


@dataclass(frozen=True, eq=False)
class PricedHomes:
    """Homes of one battery, connection, care and demand charge whose prices reach equally far.

    Attributes:
        homes: their places in the inputs.
        classes: of each home.
        spot: `(n_homes, n_slots)` over the moment's calendar, NaN where it is not known [money/kWh].
        import_price: what is paid on it [money/kWh].
        export_price: the same [money/kWh].
        opened: slot in which all of these prices were published.
        end: slot behind the last one with a price.
        last_day: first slot of the last day.
        today: the local day.
    """

    homes: Sequence[int]
    classes: Sequence[HomeClass]
    spot: Energy
    import_price: Energy
    export_price: Energy
    opened: int
    end: int
    last_day: int
    today: date

    @property
    def charges(self) -> tuple[PowerTariff, ...]:
        """Return the components of today's demand charge; none for homes that do not pay for power."""
        return self.classes[0].site.tariff.charges_of(self.today)

    @cached_property
    def settlement_values(self) -> Energy:
        """Return what the last day's prices settle a kWh at `(n_homes,)` [money/kWh]."""
        prices = self.import_price[:, self.last_day : self.end]
        return np.array(
            [own.protocol.settlement(row, own.site.battery) for row, own in zip(prices, self.classes, strict=True)]
        )

    def part(self, places: Sequence[int]) -> "PricedHomes":
        """Return the homes at some places, in that order."""
        chosen = list(places)
        return replace(
            self,
            homes=[self.homes[place] for place in chosen],
            classes=[self.classes[place] for place in chosen],
            spot=self.spot[chosen],
            import_price=self.import_price[chosen],
            export_price=self.export_price[chosen],
        )


def priced(
    rows: HomesRows,
    inputs: HomesInputs,
    homes: Sequence[int],
    classes: Sequence[HomeClass],
    *,
    end: int,
) -> PricedHomes:
    """Return homes with their prices.

    Args:
        rows: the tables of the homes.
        inputs: of the homes that are planned together.
        homes: places of these homes.
        classes: of these homes.
        end: slot behind the last one with a price.
    """
    made: dict[tuple[int, bytes], tuple[Energy, Energy]] = {}
    tables: list[tuple[Energy, Energy]] = []
    spots = [_without_gap(inputs.spot[home], inputs, end) for home in homes]
    for home, own, spot in zip(homes, classes, spots, strict=True):
        key = (id(own.site.tariff), spot.tobytes())
        if key not in made:
            made[key] = _prices(rows, inputs, own.named(inputs.names[home]), spot)
        tables.append(made[key])
    moment = inputs.moment
    days = moment.slots["local_day"]
    return PricedHomes(
        homes=homes,
        classes=classes,
        spot=np.stack(spots),
        import_price=np.stack([table[0] for table in tables]),
        export_price=np.stack([table[1] for table in tables]),
        opened=_opened(inputs, end),
        end=end,
        last_day=int((days < days[end - 1]).sum()),
        today=moment.today,
    )


def _without_gap(spot: Energy, inputs: HomesInputs, end: int) -> Energy:
    """Return prices up to the end; a gap of today before now, which decides nothing any more, has its neighbour's."""
    moment = inputs.moment
    filled = spot.copy()
    filled[end:] = np.nan
    for slot in range(moment.current - 1, moment.midnight - 1, -1):
        if not np.isfinite(filled[slot]):
            filled[slot] = filled[slot + 1]
    return filled


def _prices(rows: HomesRows, inputs: HomesInputs, site: Site, spot: Energy) -> tuple[Energy, Energy]:
    """Return import and export prices of the slots, NaN where there is none or no tariff was in force yet."""
    moment, first = inputs.moment, site.tariff.versions[0].valid_from
    known = moment.slots.select("slot_start", "local_day", price=pl.Series(spot).fill_nan(None))
    slots = known.with_row_index("place").filter((pl.col("local_day") >= first) & pl.col("price").is_not_null())
    if any(version.monthly_mean for version in site.tariff.versions):
        days = slots["local_day"]
        imported = rows.read(RAW_SPOT_PRICES, days[0].replace(day=1), moment.last_day)
        slots = month_means(slots, imported.filter(pl.col("site") == site.name), site.timezone)
    billed = site.tariff.with_prices(slots, site.timezone)
    found: list[Energy] = []
    for name in ("import_price", "export_price"):
        table = np.full(len(spot), np.nan)
        table[billed["place"].to_numpy()] = billed[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
        found.append(table)
    return found[0], found[1]


def _opened(inputs: HomesInputs, end: int) -> int:
    """Return the slot in which all of the prices were published: today's first, or that of tomorrow's publication."""
    moment = inputs.moment
    if end <= moment.tomorrow:
        return moment.midnight
    clock = moment.slots["local_clock"].slice(moment.midnight, moment.tomorrow - moment.midnight).to_numpy()
    return min(moment.midnight + int(np.argmax(clock >= PUBLISHED_MINUTE)), moment.current)
