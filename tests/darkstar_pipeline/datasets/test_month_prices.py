"""Contracts that bill a month's mean: the mean is that of the month as imported, however the days are cut."""

from datetime import date
from pathlib import Path

import pytest

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.datasets.month_prices import with_month_prices
from darkstar_pipeline.warehouse.schemas import RAW_SPOT_PRICES
from env.time_grid import local_day
from tests.builders.small_home import ZONE, fill


@pytest.fixture
def monthly(tmp_path: Path) -> Context:
    settings = SiteSettings.model_validate({"tariff": [{"monthly_mean": True}]})
    context = open_context(settings=Settings(sites={"home": settings}), home=tmp_path)
    fill(context.lake, "home")
    return context


def test_month_s_mean_is_that_of_all_its_days_whatever_is_asked_for(monthly: Context) -> None:
    every = monthly.lake.read(RAW_SPOT_PRICES, "home")
    october = every.filter(local_day(ZONE).dt.month() == 10)["price"].mean()
    november = every.filter(local_day(ZONE).dt.month() == 11)["price"].mean()
    over_two = monthly.lake.read(RAW_SPOT_PRICES, "home", date(2025, 10, 31), date(2025, 11, 1))
    priced = with_month_prices(over_two, monthly.lake, monthly.site)
    assert priced["month_price"].to_list() == pytest.approx([october] * 96 + [november] * 96)
    so_far = with_month_prices(over_two.head(96), monthly.lake, monthly.site, published=date(2025, 10, 20))
    first_day = every.filter(local_day(ZONE) == date(2025, 10, 20))["price"].mean()
    assert so_far["month_price"].to_list() == pytest.approx([first_day] * 96)


def test_prices_are_as_they_were_where_no_version_bills_a_month(monthly: Context, tmp_path: Path) -> None:
    plain = open_context(settings=Settings(sites={"home": SiteSettings()}), home=tmp_path)
    prices = monthly.lake.read(RAW_SPOT_PRICES, "home", date(2025, 10, 31), date(2025, 10, 31))
    assert with_month_prices(prices, monthly.lake, plain.site) is prices
