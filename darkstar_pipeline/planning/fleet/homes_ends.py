"""The value of stored energy at the end of the published prices for many homes, as `planning.price_ends` has it of one.

What a day's prices may be is worked out once a market, and what is paid on it once a tariff.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import blake2b
from importlib.metadata import version

import numpy as np
import polars as pl

from darkstar_pipeline.planning.fleet.area_prices import AreaPrices, Market
from darkstar_pipeline.planning.fleet.homes_inputs import HomesInputs, todays_scenarios
from darkstar_pipeline.planning.fleet.kept_ends import KeptEnds
from darkstar_pipeline.planning.fleet.priced_homes import PricedHomes
from darkstar_pipeline.planning.price_ends import bills_months
from env.inverter import Energy
from env.simulator import World
from env.site import Site
from env.tariff import Tariff
from env.time_grid import slot_count
from planner.value.end_of_prices import SETTLEMENT, EndOfPrices, HomeAtEnd, ends_of_prices
from planner.value.forecast_ends import PricedPaths, priced_paths
from planner.value.protocol import Protocol
from planner.value.scenario_source import SCENARIO_DAYS
from planner.value.value_function import soc_grid

_VERSION = version("darkstar-pipeline")


@dataclass(frozen=True, eq=False)
class HomesEnds:
    """The ends of the homes of a round.

    Attributes:
        areas: the prices of each market before today; one that is not among them is not forecast.
        kept: ends of earlier rounds, to which is added.
    """

    areas: Mapping[Market, AreaPrices]
    kept: KeptEnds
    _paths: dict[tuple[Market, date, bytes], Energy | None] = field(
        default_factory=dict[tuple[Market, date, bytes], Energy | None]
    )
    _priced: dict[tuple[Tariff, int, date], PricedPaths] = field(
        default_factory=dict[tuple[Tariff, int, date], PricedPaths]
    )

    def of(self, inputs: HomesInputs, group: PricedHomes) -> list[EndOfPrices]:
        """Return the value of energy left at the end of the published prices, home after home.

        Args:
            inputs: of homes.
            group: those of them that are planned together.
        """
        moment, own, settled = inputs.moment, group.classes[0], group.settlement_values
        last_day: date = moment.slots["local_day"][group.end - 1]
        is_whole = group.end - group.last_day == slot_count(last_day, moment.timezone)
        if not is_whole or own.protocol.settlement_value is not None:
            return [_settled(own.site, float(value)) for value in settled]
        billed = [bills_months(each.site, last_day) for each in group.classes]
        places = {inputs.names[home]: place for place, home in enumerate(group.homes) if not billed[place]}
        scenarios = todays_scenarios(inputs, group.homes)
        known = {
            name: HomeAtEnd(
                scenarios.part(slice(place, place + 1)),
                _past_days(inputs, group, place),
                float(settled[place]),
                self._priced_paths(inputs, group, place, last_day),
            )
            for name, place in places.items()
        }
        keys = {name: end_key(last_day, own.site, own.protocol, home) for name, home in known.items()}

        def work_out(names: Sequence[str]) -> list[EndOfPrices]:
            return ends_of_prices([known[name] for name in names], site=own.site, protocol=own.protocol)

        found = self.kept.of(keys, work_out)
        return [
            _settled(own.site, float(settled[place])) if billed[place] else found[inputs.names[home]]
            for place, home in enumerate(group.homes)
        ]

    def _priced_paths(self, inputs: HomesInputs, group: PricedHomes, place: int, last_day: date) -> PricedPaths | None:
        """Return what a home pays on the courses that the next day's prices may take; None where none is forecast."""
        own, moment = group.classes[place], inputs.moment
        market = Market.of(own.settings)
        spot = group.spot[place, moment.midnight : group.end]
        key = market, last_day, spot.tobytes()
        if key not in self._paths:
            self._paths[key] = self._forecast(
                market, moment.slots["slot_start"][moment.midnight : group.end], spot, last_day
            )
        paths = self._paths[key]
        if paths is None:
            return None
        tariff = own.site.tariff, id(paths), last_day  # `_paths` keeps them, so no other gets their number
        if tariff not in self._priced:
            self._priced[tariff] = priced_paths(last_day, paths, own.site)
        return self._priced[tariff]

    def _forecast(self, market: Market, starts: pl.Series, spot: Energy, last_day: date) -> Energy | None:
        area = self.areas.get(market)
        if area is None:
            return None
        published = pl.DataFrame({"slot_start": starts, "price": spot})
        return area.forecaster(published, market.timezone).paths(last_day)


def _settled(site: Site, value: float) -> EndOfPrices:
    grid = soc_grid(site.battery)
    return EndOfPrices(value * (grid - grid[0]), SETTLEMENT)


def end_key(published: date, site: Site, protocol: Protocol, home: HomeAtEnd) -> bytes:
    """Return a digest of all that an end follows from.

    Args:
        published: the last published day.
        site: battery and limits.
        protocol: settlement.
        home: the home.
    """
    head = repr((_VERSION, published, site.battery, site.limits, protocol, len(home.past_days)))
    digest = blake2b(head.encode(), digest_size=16)
    tables: list[Energy] = [home.scenarios.load_kwh, home.scenarios.pv_kwh, np.array(home.settlement_value)]
    for day in home.past_days:
        tables += vars(day).values()
    if home.paths is not None:
        tables += vars(home.paths).values()
    for table in tables:
        digest.update(repr(table.shape).encode())
        digest.update(np.ascontiguousarray(table).tobytes())
    return digest.digest()


def _past_days(inputs: HomesInputs, group: PricedHomes, place: int) -> list[World]:
    """Return the days before today that have a reading and a price in every slot, in order."""
    moment, home = inputs.moment, group.homes[place]
    days = moment.slots["local_day"].head(moment.midnight)
    starts = np.flatnonzero(np.append(True, np.diff(days.to_physical().to_numpy()) != 0))[-SCENARIO_DAYS:]
    worlds: list[World] = []
    for first, end in zip(starts, np.append(starts[1:], moment.midnight), strict=True):
        span = slice(int(first), int(end))
        pv = np.nan_to_num(inputs.pv_read[home, span])
        tables = (inputs.load_read[home, span], pv, group.import_price[place, span], group.export_price[place, span])
        if all(np.isfinite(table).all() for table in tables):
            worlds.append(World(*(table[None] for table in tables)))
    return worlds
