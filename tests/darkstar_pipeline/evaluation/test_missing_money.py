"""What is missing to perfect hindsight: its rows, and what is stored of it for the page."""

from datetime import date, timedelta

import pytest

from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.errors import DataMissingError
from darkstar_pipeline.evaluation.missing_money import MissingMoney, missing_rows, sizes
from darkstar_pipeline.evaluation.missing_words import in_words
from darkstar_pipeline.evaluation.range_verdict import evaluate_range
from darkstar_pipeline.evaluation.stored_missing_money import store_missing_money
from darkstar_pipeline.service.engine.missing import NEVER, OTHER_SETTINGS, missing_document
from darkstar_pipeline.warehouse.schemas import MISSING_MONEY
from tests.builders.graded_home import graded_context
from tests.builders.small_home import FIRST, small_settings

AT = FIRST + timedelta(days=2)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    """A graded fortnight, of which two days lie before `AT`."""
    context = graded_context(tmp_path_factory.mktemp("graded"))
    assert missing_document(context).note == NEVER
    store_missing_money(context, AT)
    return context


def test_page_gets_what_was_stored_with_its_days_and_date(context: Context) -> None:
    document = missing_document(context)
    assert (document.day, document.first_day, document.last_day, document.days) == (
        AT,
        FIRST,
        AT - timedelta(days=1),
        2,
    )
    assert document.note == ""
    assert document.missing is not None
    costs = {
        row["policy"]: row["cost"]
        for row in evaluate_range(
            context, FIRST, AT - timedelta(days=1), ["idle", "value", "oracle"], continuous=True
        ).evaluation.totals.to_dicts()
    }
    assert document.saved == pytest.approx(costs["idle"] - costs["value"])
    assert document.missing == pytest.approx(costs["value"] - costs["oracle"])
    rows = {row.what: row for row in document.rows}
    assert list(rows) == [
        "sun_known", "load_known", "sun_and_load_known", "prices_known", "all_known",
        "battery_29.2_kwh", "battery_39.2_kwh",
    ]  # fmt: skip
    assert rows["all_known"].gain <= document.missing + 1e-6, "nobody saves more than hindsight"
    assert rows["all_known"].part == pytest.approx(rows["all_known"].gain / document.missing)
    assert rows["battery_39.2_kwh"].text == "battery of 39.2 kWh, same power"


def test_storing_again_gives_the_same_rows(context: Context) -> None:
    before = context.lake.read(MISSING_MONEY, context.site_name)
    assert store_missing_money(context, AT).equals(before)


def test_figures_of_other_settings_are_told(context: Context) -> None:
    settings = small_settings().model_dump()
    settings["sites"]["home"]["battery"]["capacity_kwh"] = 10.0
    other = open_context(settings=Settings.model_validate(settings), home=context.home)
    assert missing_document(other).note == OTHER_SETTINGS


def test_nothing_is_stored_where_no_day_is_usable(context: Context) -> None:
    with pytest.raises(DataMissingError):
        store_missing_money(context, date(2025, 2, 1))
    assert context.lake.days(MISSING_MONEY, context.site_name) == [AT]


def test_rows_say_the_peaks_only_where_power_is_charged() -> None:
    found = MissingMoney(
        saved=100.0, hindsight=20.0, by_knowledge={"sun_and_load": 14.0}, month=6.0, by_capacity={15.0: 30.0}
    )
    rows = {row["what"]: row for row in missing_rows(found)}
    assert rows["month_known"] == {"what": "month_known", "gain": 6.0, "share": 0.06, "part": 0.3}
    assert rows["battery_15_kwh"] == {"what": "battery_15_kwh", "gain": 30.0, "share": 0.3, "part": None}
    assert in_words("month_known") == "beyond that, the month's peaks known"
    without = MissingMoney(saved=0.0, hindsight=0.0, by_knowledge={"sun": 0.0}, month=None, by_capacity={})
    assert [(row["what"], row["share"], row["part"]) for row in missing_rows(without)] == [
        ("hindsight", None, None),
        ("sun_known", None, None),
    ]


@pytest.mark.parametrize(("capacity", "expected"), [(10.0, (5.0, 15.0)), (5.0, (10.0,)), (7.5, (2.5, 12.5))])
def test_sizes_are_one_down_and_one_up(capacity: float, expected: tuple[float, ...]) -> None:
    battery = small_settings().sites["home"].site("home").battery.resized(capacity)
    assert sizes(battery) == expected
    assert battery.resized(2 * capacity).max_soc_kwh == pytest.approx(2 * battery.max_soc_kwh)
    assert battery.resized(2 * capacity).charge_kw == battery.charge_kw
    assert battery.resized(2 * capacity).discharge_wear == pytest.approx(battery.discharge_wear)
