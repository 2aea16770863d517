"""A home whose spot prices are fetched from sources on loopback."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import polars as pl

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.fetching.client import Retries, SourceClient
from darkstar_pipeline.fetching.log import FetchLog
from darkstar_pipeline.fetching.pace import Pace
from darkstar_pipeline.fetching.prices.fetch import PriceFetchReport, Sources, fetch_prices
from darkstar_pipeline.fetching.prices.question import PriceService
from darkstar_pipeline.fetching.prices.rates import Rates
from darkstar_pipeline.warehouse.schemas import RAW_SPOT_PRICES
from tests.builders.price_sources import services_at
from tests.builders.source_server import SourceServer

AT_ONCE = Retries(attempts=2, first_wait=0.0, longest_wait=0.01, jitter=0.0)


@dataclass
class PriceHome:
    """A home, its sources and the present.

    Attributes:
        context: the site.
        server: serves its sources.
        client: asks them.
        now: the present instant.
    """

    context: Context
    server: SourceServer
    client: SourceClient
    now: datetime

    def fetch(
        self, first: date, last: date, *names: str, services: Sequence[PriceService] = (), again: bool = False
    ) -> PriceFetchReport:
        """Fetch local days from some sources in that order."""
        every = services_at(self.server.url)
        currency = self.context.site_settings.currency
        rates = Rates(self.context.home, currency, self.client, urls=(self.server.url, self.server.url))
        chosen = [*services, *(every[name] for name in names)]
        sources = Sources(services=chosen, client=self.client, rates=rates)
        return fetch_prices(self.context, first, last, sources=sources, now=self.now, again=again)

    def prices(self) -> pl.DataFrame:
        """What the lake has."""
        return self.context.lake.read(RAW_SPOT_PRICES, "home").sort("slot_start")

    @property
    def log(self) -> FetchLog:
        """The log of what was asked."""
        return FetchLog(self.context.home)


def price_home(
    folder: Path, server: SourceServer, client: SourceClient, now: datetime, settings: Mapping[str, object]
) -> PriceHome:
    """A home with these settings."""
    site = SiteSettings.model_validate({"tariff": [{"vat": 0.0, "transfer_fee": 0.0, "energy_tax": 0.0}], **settings})
    context = open_context("home", settings=Settings(sites={"home": site}), home=folder)
    return PriceHome(context=context, server=server, client=client, now=now)


def quick_client() -> SourceClient:
    """A client that neither waits nor keeps a pace."""
    return SourceClient(retries=AT_ONCE, pace=Pace(0), seconds=5)
