"""The catalogue: every value with its source and days, and a tariff that is right on both sides of every change."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from darkstar_pipeline.config.checks.tariff_age import tariff_doubts
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.config.tariff import TariffSettings
from darkstar_pipeline.config.tariffs.catalogue import (
    CountryTariffs,
    Dated,
    GridCompany,
    catalogue,
    companies_in,
    find_company,
)
from darkstar_pipeline.config.tariffs.dated_versions import tariff_versions
from darkstar_pipeline.config.validation import describe_validation
from darkstar_pipeline.errors import ConfigurationError
from env.tariff import Tariff

COMPANIES = [(part, company) for part in catalogue() for company in part.companies]


def in_force(versions: tuple[TariffSettings, ...], day: date) -> TariffSettings:
    return max((each for each in versions if each.valid_from <= day), key=lambda each: each.valid_from)


@pytest.mark.parametrize("part", catalogue(), ids=lambda part: part.country)
def test_every_value_names_its_source_and_its_days_follow_each_other(part: CountryTariffs) -> None:
    rows: list[Dated] = [*part.taxes, *part.feed_in, *(tariff for each in part.companies for tariff in each.tariffs)]
    assert all("https://" in row.source or "VREG" in row.source for row in rows)
    assert all(row.valid_until is None or row.valid_from < row.valid_until for row in rows)
    for company in part.companies:
        for old, new in zip(company.tariffs, company.tariffs[1:], strict=False):
            assert old.valid_until is not None
            assert old.valid_until < new.valid_from


@pytest.mark.parametrize(("part", "company"), COMPANIES, ids=[company.id for _, company in COMPANIES])
def test_every_company_makes_a_tariff_that_a_site_takes(part: CountryTariffs, company: GridCompany) -> None:
    for area in company.areas:
        versions = tariff_versions(area, company, has_pv=True)
        site = SiteSettings.model_validate({"area": area, "tariff": [each.model_dump() for each in versions]})
        assert site.site("home").tariff.versions[0].valid_from == date(2000, 1, 1)
        assert len({version.valid_from for version in versions}) == len(versions)
    assert find_company(company.areas[0], company.id) == company
    assert part.country == company.areas[0][:2]


def test_tax_is_right_on_both_sides_of_new_year() -> None:
    versions = tariff_versions("SE3", find_company("SE3", "goteborg-energi"), has_pv=True)
    tariff = Tariff(tuple(version.version() for version in versions))
    midnight = datetime(2025, 12, 31, 23, tzinfo=UTC)
    slots = pl.DataFrame({"slot_start": [midnight - timedelta(minutes=15), midnight], "price": [0.5, 0.5]})
    priced = tariff.with_prices(slots.with_columns(pl.col("slot_start").dt.cast_time_unit("us")), "Europe/Stockholm")
    # (0.5 + 0.2 + 0.439) x 1.25, then (0.5 + 0.2 + 0.36) x 1.25; the tax reduction for what is sold ends
    assert priced["import_price"].to_list() == pytest.approx([1.42375, 1.325])
    assert priced["export_price"].to_list() == pytest.approx([1.1, 0.5])


def test_price_list_without_an_end_is_known_for_some_fifteen_months() -> None:
    versions = tariff_versions("SE4", find_company("SE4", "eon-syd"), has_pv=True)
    assert in_force(versions, date(2024, 12, 1)).valid_until == date(2024, 12, 31)
    assert in_force(versions, date(2026, 11, 30)).valid_until == date(2025, 11, 4)


def test_years_before_the_first_price_list_say_so():
    versions = tariff_versions("SE3", find_company("SE3", "ellevio"), has_pv=False)
    before, after = (in_force(versions, date(year, 6, 30)).source or "" for year in (2024, 2025))
    assert "grid, first known price list: " in before
    assert "grid: " in after
    assert "first known" not in after


def test_note_is_told_where_it_concerns_a_home() -> None:
    sweden = next(part for part in catalogue() if part.country == "SE")
    assert [bool(sweden.note_for(area)) for area in ("SE4", "se1", None)] == [False, True, True]


def test_tax_reduction_is_of_homes_with_panels() -> None:
    without = tariff_versions("SE3", None, has_pv=False)
    assert {version.export_bonus for version in without} == {0.0}
    assert in_force(tariff_versions("SE3", None, has_pv=None), date(2025, 6, 1)).export_bonus == 0.6


@pytest.mark.parametrize(
    ("area", "company", "day", "night", "evening"),
    [
        # Elvia's own page: 46.40 and 31.40 øre with taxes from 2026-07-01, 36.40 and 26.40 before.
        ("NO1", "elvia", date(2026, 6, 30), 0.264, 0.364),
        ("NO1", "elvia", date(2026, 7, 1), 0.314, 0.464),
        # 0.1062 + 0.115 + 0.008 and 0.4141 + 0.115 + 0.008 with VAT
        ("DK2", "radius", date(2026, 7, 1), 0.2865, 0.671375),
    ],
)
def test_fees_of_a_bill_come_out(area: str, company: str, day: date, night: float, evening: float) -> None:
    versions = tariff_versions(area, find_company(area, company), has_pv=True)
    tariff = Tariff(tuple(version.version() for version in versions))
    local = [datetime(day.year, day.month, day.day, hour, tzinfo=UTC) for hour in (1, 16)]  # 03:00 and 18:00
    slots = pl.DataFrame({"slot_start": local, "price": [0.0, 0.0]})
    priced = tariff.with_prices(slots.with_columns(pl.col("slot_start").dt.cast_time_unit("us")), "Europe/Oslo")
    assert priced["import_price"].to_list() == pytest.approx([night, evening])


def test_holidays_are_no_working_days() -> None:
    versions = tariff_versions("NO1", find_company("NO1", "elvia"), has_pv=True)
    tariff = Tariff(tuple(version.version() for version in versions))
    noon = [datetime(2026, 5, day, 10, tzinfo=UTC) for day in (1, 4)]  # Friday the first of May, and a Monday
    slots = pl.DataFrame({"slot_start": noon, "price": [0.0, 0.0]})
    priced = tariff.with_prices(slots.with_columns(pl.col("slot_start").dt.cast_time_unit("us")), "Europe/Oslo")
    assert priced["import_price"].to_list() == pytest.approx([0.264, 0.364])


def test_unknown_company_is_refused_with_the_one_meant() -> None:
    with pytest.raises(ConfigurationError, match="not in the catalogue for SE3") as refused:
        find_company("SE3", "elevio")
    assert "did you mean ellevio?" in refused.value.hint
    with pytest.raises(ConfigurationError, match="no grid company in PL"):
        find_company("PL", "tauron")
    assert find_company("SE3", "none") is None
    assert find_company("se3", " Ellevio ") == find_company("SE3", "ellevio")
    assert [company.id for company in companies_in("SE4")] == ["eon-syd"]
    assert len(companies_in(None)) == len(COMPANIES)
    assert tariff_versions("PL", None, has_pv=None) == ()


def doubts_of(day: date, **tariff: object) -> str:
    return "; ".join(tariff_doubts(SiteSettings.model_validate({"tariff": [tariff]}), day))


def test_tariff_is_doubted_when_its_days_are_over_or_a_value_is_not_known() -> None:
    today = date(2026, 11, 30)
    assert "known until 2026-10-31" in doubts_of(today, valid_until="2026-10-31", energy_tax=0.36)
    assert doubts_of(today, valid_until="2026-11-30", energy_tax=0.36) == ""
    assert "is old" in doubts_of(today, valid_from="2024-01-01", source="a bill")
    assert "transfer_fee of the tariff from 2000-01-01 on is not known" in doubts_of(
        today, energy_tax=0.36, unknown=["transfer_fee"]
    )


def test_energy_tax_is_doubted_when_it_is_not_the_country_s() -> None:
    assert "since 2026-01-01 it is 0.36" in doubts_of(date(2026, 11, 30))
    assert doubts_of(date(2025, 11, 30)) == ""
    assert doubts_of(date(2026, 11, 30), energy_tax=0.264) == ""  # the north
    assert doubts_of(date(2040, 1, 1)) == ""  # which the catalogue does not know


def test_error_of_a_data_file_would_be_plain() -> None:
    with pytest.raises(ValueError, match="country") as refused:
        CountryTariffs.model_validate({"taxes": [], "companies": []})
    assert describe_validation(refused.value, whole="the file").startswith("country: is missing")  # pyright: ignore[reportArgumentType] - pydantic's
