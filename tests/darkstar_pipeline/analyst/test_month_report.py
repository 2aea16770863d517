"""The report of a month says what every other surface says, names what it leaves out, and its peaks are the bill's."""

import re
from base64 import b64decode
from dataclasses import replace
from datetime import date, timedelta
from html import escape

import polars as pl
import pytest

from darkstar_pipeline.analyst.month_report import MonthReport, month_report
from darkstar_pipeline.analyst.pages import report_html, report_pdf
from darkstar_pipeline.analyst.peaks import month_peaks
from darkstar_pipeline.analyst.words import charge_words, headline, notes
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.config.tariff import PowerTariffSettings, TariffSettings
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.evaluation.actual_costs import ActualCosts
from darkstar_pipeline.service.engine.savings import Savings
from darkstar_pipeline.warehouse.schemas import METER_READINGS
from env.power_tariff import power_costs
from env.time_grid import days_between
from planner.wording.languages import Language, speaking
from tests.builders.metered_days import grade
from tests.builders.small_home import small_context, small_settings

MONTH, TODAY = date(2025, 10, 1), date(2025, 11, 20)
LONG_DAY = date(2025, 10, 26)
COMPARED = (LONG_DAY, date(2025, 10, 27), date(2025, 10, 28))


def charged(context: Context) -> Context:
    """The same home with a charge for the mean of its two highest hours."""
    tariff = TariffSettings(power=(PowerTariffSettings(top=2, price_per_kw=40.0),))
    site = context.site_settings.model_copy(update={"tariff": (tariff,)})
    whole = Settings.model_validate({**small_settings().model_dump(), "sites": {"home": site}})
    return open_context(settings=whole, home=context.home)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    home = small_context(tmp_path_factory.mktemp("state"))
    grade(home, COMPARED)
    grade(home, [date(2025, 10, 29)], meters=False)
    return charged(home)


@pytest.fixture(scope="module")
def report(context: Context) -> MonthReport:
    return month_report(context, ActualCosts(), MONTH, TODAY)


def test_costs_are_those_of_the_savings(context: Context, report: MonthReport) -> None:
    days = list(days_between(MONTH, date(2025, 10, 31)))
    (row,) = Savings().document(context, days, "month").rows
    assert [each.day for each in report.days] == list(COMPARED)
    said = (row.lived, row.no_sun, row.idle, row.self_consumption, row.oracle)
    assert tuple(report.costs.values()) == pytest.approx(said, abs=1e-9)
    assert report.captured_share == pytest.approx(row.captured_share)
    for way, cost in report.costs.items():
        assert cost == pytest.approx(sum(day.costs[way] or 0.0 for day in report.days))
    assert headline(report).startswith("The battery ")
    assert f" on {LONG_DAY}" in headline(replace(report, days=report.days[:1]))
    assert report.costs["no_sun"] > report.costs["idle"] > report.costs["oracle"]  # type: ignore[operator]


def test_days_that_are_not_compared_are_named_with_their_reason(report: MonthReport) -> None:
    reasons = {each.day: each.reason for each in report.left_out}
    assert set(reasons) | set(COMPARED) == set(days_between(MONTH, date(2025, 10, 31)))
    assert reasons[date(2025, 10, 29)].startswith("no metered cost")
    assert reasons[date(2025, 10, 2)].startswith("not graded")
    assert any("not in the costs" in line for line in notes(report))


def test_peaks_are_those_of_the_bill(context: Context, report: MonthReport) -> None:
    (charge,) = report.peaks.charges
    (tariff,) = context.site.tariff.charges_of_month(MONTH)
    read = context.lake.read(METER_READINGS, "home", MONTH, date(2025, 10, 31))
    net = (pl.col("load_kwh") - pl.col("pv_kwh")).clip(lower_bound=0)
    imports = read.with_columns(pl.coalesce("import_kwh", net).fill_null(0.0).alias("import_kwh"))
    bill = power_costs(imports.select("slot_start", "import_kwh"), tariff, context.timezone).row(0, named=True)
    assert charge.cost == pytest.approx(bill["cost"])
    assert [peak.kw for peak in charge.peaks] == pytest.approx(bill["peaks_kw"])
    new = [*bill["peaks_kw"][:-1], charge.next_kw]
    assert charge.next_kw_cost == pytest.approx(tariff.cost(sum(new) / 2) - bill["cost"])
    said = charge_words(charge, "SEK", context.timezone)
    assert f"{charge.cost:.2f} SEK" in said
    assert f"up to {charge.level_kw:.2f} kW a new peak costs nothing" in said


def test_month_without_readings_has_no_peak_yet(context: Context) -> None:
    (charge,) = month_peaks(context, date(2026, 2, 1)).charges
    assert (charge.cost, charge.peaks, charge.level_kw) == (0.0, (), 0.0)
    assert charge.next_kw_cost == pytest.approx(charge.next_kw * 40.0 * 1.25 / 2)
    assert "no import that counts yet" in charge_words(charge, "SEK", context.timezone)


@pytest.mark.parametrize("month", [date(2026, 1, 1), date(2025, 9, 1)], ids=["to come", "not graded"])
def test_month_without_days_says_what_to_do(context: Context, month: date) -> None:
    with pytest.raises(DataMissingError) as raised:
        month_report(context, ActualCosts(), month, TODAY)
    assert raised.value.hint


def test_running_month_ends_yesterday(context: Context) -> None:
    report = month_report(context, ActualCosts(), MONTH, date(2025, 10, 28))
    assert (report.last_day, [each.day for each in report.days]) == (date(2025, 10, 27), list(COMPARED[:2]))


def test_pages_hold_the_sentences_and_are_the_same_each_time(report: MonthReport) -> None:
    page = report_html(replace(report, site="<b>home</b>"))
    assert "&lt;b&gt;home&lt;/b&gt;: October 2025" in page
    assert "<b>" not in page
    assert headline(report) in page
    assert f"{report.costs['idle']:.2f}" in page
    assert "data:image/png;base64," in page
    document = report_pdf(report)
    assert document.startswith(b"%PDF")
    assert document == report_pdf(report)


@pytest.mark.parametrize(
    ("language", "title", "words"),
    [
        ("sv", "home: oktober 2025", ("Batteriet", "kWh köpt", "batteriet används inte", "Effektavgift")),
        ("de", "home: Oktober 2025", ("Batterie", "kWh bezogen", "Batterie ungenutzt", "Leistungspreis")),
    ],
)
def test_report_is_told_in_the_language_that_is_spoken(
    context: Context, report: MonthReport, language: Language, title: str, words: tuple[str, ...]
) -> None:
    charges = month_peaks(charged(context), MONTH)
    with speaking(language):
        page, document = report_html(replace(report, peaks=charges)), report_pdf(report)
    assert f'<html lang="{language}"' in page
    assert title in page
    assert [word for word in words if word not in page] == []
    assert [text for text in _sentences(report) if escape(text.strip()) in page] == []
    assert re.search(r"\d\.\d+ (?:kWh|kW|SEK)", re.sub('base64,[^"]+', "", page)) is None, "decimal commas"
    assert document != report_pdf(report)


def _sentences(report: MonthReport) -> list[str]:
    """The report's English sentences, without those of the quality of days."""
    return [headline(report), *(line for line in notes(report) if not line.startswith("  "))]


def test_picture_has_no_empty_place_where_no_day_has_an_actual_cost(report: MonthReport) -> None:
    unread = tuple(replace(day, costs={**day.costs, "actual": None}) for day in report.days)
    heights = [
        int.from_bytes(b64decode(report_html(each).split("base64,")[1].split('"')[0])[20:24], "big")
        for each in (report, replace(report, days=unread))
    ]
    assert heights[1] < 0.6 * heights[0]


def test_many_sentences_go_on_to_further_pages(report: MonthReport) -> None:
    one = report.left_out[0]
    longer = replace(report, left_out=tuple(replace(one, day=MONTH + timedelta(days=n)) for n in range(120)))
    assert report_pdf(longer).count(b"/Type /Page ") > report_pdf(report).count(b"/Type /Page ")
