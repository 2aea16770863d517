"""The peaks of a month's days before a range, also where the tariff begins inside the month."""

from dataclasses import replace
from datetime import date
from pathlib import Path

from darkstar_pipeline.datasets.month_before import month_before
from env.power_tariff import PowerTariff
from env.tariff import Tariff
from planner.demand_charges.bills import assumed_begin
from tests.builders.small_home import FIRST, small_context

BEGIN = date(2025, 10, 22)


def test_days_before_the_tariff_count_where_it_begins_inside_the_month(tmp_path: Path) -> None:
    context = small_context(tmp_path)
    version = replace(context.site.tariff.versions[0], valid_from=BEGIN, power=(PowerTariff(price_per_kw=50.0),))
    site = replace(context.site, tariff=Tariff((version,)))
    before = month_before(context.lake, site, date(2025, 10, 25))
    assert [day for day, _ in before] == [FIRST, date(2025, 10, 21), BEGIN, date(2025, 10, 23), date(2025, 10, 24)]
    assert all(kw[0] > 0 for _, (kw,) in before)
    assert "begins on 2025-10-22" in assumed_begin(site, BEGIN)
    assert assumed_begin(site, date(2025, 11, 1)) == ""
