"""One home where power is charged: every surface says the same money of the same days."""

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from assets.home import Home
from assets.rows.replays import policy_result_rows, policy_schedule_rows, shown_totals, with_oracle
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.console.call import run
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.datasets.replay_inputs import protocol_of, replay_inputs
from darkstar_pipeline.evaluation.charged_days import charged_days
from darkstar_pipeline.evaluation.range_verdict import day_and_costs, unverified_schedule
from darkstar_pipeline.learning.scoring import daily_costs, policy_metrics, score_on_days
from darkstar_pipeline.pictures.verdict import differences
from darkstar_pipeline.service.engine.savings import Savings
from darkstar_pipeline.tracking.evaluation_run import EvaluationRecord, run_metrics
from darkstar_pipeline.warehouse.schemas import (
    DATA_QUALITY_DAILY,
    ORACLE_DAILY_RESULTS,
    ORACLE_SCHEDULES,
    POLICY_DAILY_RESULTS,
    POLICY_SCHEDULES,
    SLOT_FORECASTS,
)
from env.power_tariff import month_state
from env.time_grid import day_start, days_between
from planner.evaluation.verdict import Evaluation, evaluate
from planner.plans.release import IDLE, simple_candidates
from planner.plans.task import End, PlanTask
from tests.builders.command_line import command_line, environment
from tests.builders.learning_home import SITE, learning_settings, measured, write_days
from tests.builders.small_home import ZONE

pytestmark = pytest.mark.slow  # three days of every policy, by each road
FIRST, LAST = date(2025, 11, 1), date(2025, 11, 3)
SPAN = list(days_between(FIRST, LAST))
POLICIES = ("idle", "self_consumption", "mpc", "value", "oracle")
TARIFF = {"vat": 0.25, "transfer_fee": 0.2, "energy_tax": 0.4, "power": [{"top": 2, "price_per_kw": 30.0}]}
FLANDERS = {"top": 1, "minutes": 15, "minimum_kw": 0.5, "price_per_kw": 30.0, "rolling_months": 12}
_OTHERS = {
    "mean of twelve months": {**TARIFF, "power": [FLANDERS]},
    "mean of the hour": {**TARIFF, "settlement_minutes": 60},
    "mean of the month": {**TARIFF, "monthly_mean": True},
}
OTHERS = [pytest.param(tariff, marks=pytest.mark.thorough) for tariff in _OTHERS.values()]  # 20 s each


class Answers:
    """The home with its days backfilled, and what `evaluate` says of them."""

    def __init__(self, folder: Path, tariff: dict[str, object]) -> None:
        self.folder = folder
        settings = learning_settings()
        settings["sites"][SITE]["tariff"] = [tariff]
        (folder / "darkstar.yaml").write_text(yaml.safe_dump(settings))
        self.context: Context = open_context(settings=Settings.model_validate(settings), home=folder / "state")
        write_days(self.context, measured())
        self._backfill()
        words = ("--from", str(FIRST), "--to", str(LAST))
        self.evaluate = self.darkstar("evaluate", *words, "--policies", ",".join(POLICIES))
        self.compare = self.darkstar("compare", "mpc", "value", *words)
        self.bills: dict[str, float] = {row["policy"]: row["total_cost"] for row in self.evaluate["totals"]}

    def _backfill(self) -> None:
        """The schedules and results of the days, as Dagster stores them."""
        home, lake = Home(context=self.context), self.context.lake
        found = replay_inputs(lake, self.context.site, SPAN, has_pv=True)
        quality = lake.read(DATA_QUALITY_DAILY, SITE, FIRST, LAST)
        forecasts = lake.read(SLOT_FORECASTS, SITE, FIRST, LAST)
        for stage, names, schedule_table, result_table in (
            ("policies", POLICIES[:-1], POLICY_SCHEDULES, POLICY_DAILY_RESULTS),
            ("oracle", POLICIES[-1:], ORACLE_SCHEDULES, ORACLE_DAILY_RESULTS),
        ):
            rows = policy_schedule_rows(home.context, stage, names, found.slots, forecasts, history=found.history)  # pyright: ignore[reportArgumentType] - both are stages
            results = policy_result_rows(home.context, stage, rows, quality)  # pyright: ignore[reportArgumentType] - as above
            lake.write_days(schedule_table, SITE, SPAN, rows.select(schedule_table.schema.names()))
            lake.write_days(result_table, SITE, SPAN, results.select(result_table.schema.names()))

    def darkstar(self, *words: str) -> Any:
        """The document of a command."""
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patched, redirect_stdout(out), redirect_stderr(err):
            patched.chdir(self.folder)
            for name in ("DARKSTAR_HOME", "DARKSTAR_CONFIG"):
                patched.setenv(name, environment(self.folder)[name])
            code = run(command_line(), (*words, "--json"))
        assert code == 0, err.getvalue()
        return json.loads(out.getvalue())

    def stored_verdict(self) -> Evaluation:
        """The verdict of `evaluation_report`."""
        lake = self.context.lake
        policies, oracle = (
            lake.read(table, SITE, FIRST, LAST) for table in (POLICY_DAILY_RESULTS, ORACLE_DAILY_RESULTS)
        )
        return evaluate(charged_days(self.context, with_oracle(policies, oracle)))


@pytest.fixture(scope="module", params=[TARIFF, *OTHERS], ids=["month", *_OTHERS])
def answers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Answers:
    return Answers(tmp_path_factory.mktemp("home"), request.param)


def test_charge_decides_and_a_bill_is_days_and_charge(answers: Answers) -> None:
    rows = {row["policy"]: row for row in answers.evaluate["totals"]}
    assert min(rows.values(), key=lambda row: row["total_cost"])["policy"] == "oracle"
    for policy, row in rows.items():
        days = [each for each in answers.evaluate["days"] if each["policy"] == policy]
        assert row["power_cost"] > 0
        assert sum(day["cost"] + day["power_cost"] for day in days) == pytest.approx(row["total_cost"])
        assert row["cost_vs_mpc"] == pytest.approx(row["total_cost"] - rows["mpc"]["total_cost"])


def test_compare_says_the_same(answers: Answers) -> None:
    compare, bills = answers.compare, answers.bills
    assert (compare["cost_a"], compare["cost_b"]) == (pytest.approx(bills["mpc"]), pytest.approx(bills["value"]))
    assert compare["difference"] == pytest.approx(bills["value"] - bills["mpc"])
    assert sum(month["difference"] for month in compare["months"]) == pytest.approx(compare["difference"])


def test_training_and_gate_say_the_same(answers: Answers) -> None:
    verdict, bills = score_on_days(answers.context, [], SPAN), answers.bills
    for policy in ("idle", "mpc", "value", "oracle"):
        assert float(daily_costs(verdict, policy)["cost"].sum()) == pytest.approx(bills[policy])
    figures = policy_metrics(verdict, "value")
    assert figures["total_cost"] == pytest.approx(bills["value"])
    assert figures["cost_vs_mpc_pct"] == pytest.approx(100 * (bills["value"] - bills["mpc"]) / bills["mpc"])


def test_dagster_and_mlflow_say_the_same(answers: Answers) -> None:
    verdict, bills = answers.stored_verdict(), answers.bills
    shown = dict(shown_totals(verdict).select("policy", "total_cost").iter_rows())
    assert shown == {policy: pytest.approx(bill) for policy, bill in bills.items()}
    record = EvaluationRecord(
        site=SITE, first=FIRST, last=LAST, totals=verdict.totals, days=verdict.days, content_hash="", config_version=""
    )
    metrics = run_metrics(record)
    assert {policy: metrics[f"cost_{policy}"] for policy in POLICIES} == shown
    best = min(POLICIES[:-1], key=lambda policy: bills[policy])
    assert (record.best_policy(), metrics["total_cost"]) == (best, pytest.approx(bills[best]))


def test_pictures_say_the_same(answers: Answers) -> None:
    """The lines of a verdict end where the bills do; the days of a month add up to them."""
    ends = differences(answers.stored_verdict().days)[-1].to_dicts()[0]
    bills = answers.bills
    assert ends["value"] == pytest.approx(bills["value"] - bills["mpc"])
    days = [day_and_costs(answers.context, day, POLICIES[:-1])[1] for day in SPAN]
    for policy in POLICIES[:-1]:
        assert sum(day[policy] for day in days) == pytest.approx(bills[policy])


def test_savings_say_the_same(answers: Answers) -> None:
    """Without a reading of the battery every day starts as the protocol says."""
    total = Savings().document(answers.context, SPAN, "month").total
    assert total.lived is None
    for policy in ("idle", "self_consumption", "oracle"):
        assert getattr(total, policy) == pytest.approx(answers.bills[policy]), policy


def test_plan_says_the_same_of_a_day_with_the_month_before_it(answers: Answers) -> None:
    """The last day as a plan whose forecast is what happened, after the month's days before it."""
    context = answers.context
    protocol = protocol_of(context.site_settings, context.site.battery)
    past = pl.concat([unverified_schedule(context, day, IDLE) for day in SPAN[:-1]])
    slots = replay_inputs(context.lake, context.site, SPAN[-1:], has_pv=True).slots
    tariffs = context.site.tariff.charges_of_month(FIRST)
    now = day_start(LAST, ZONE)
    states = tuple(month_state(past.select("slot_start", "import_kwh"), each, ZONE, now) for each in tariffs)
    value = protocol.settlement(slots["import_price"].to_numpy(), context.site.battery)
    task = PlanTask(
        slots=slots.drop("local_day"),
        site=context.site,
        start_soc_kwh=protocol.start_soc_kwh,
        end=End(value=value),
        month=states,
    )
    idle = next(each for each in simple_candidates(task) if each.name == IDLE)
    (day,) = (row for row in answers.evaluate["days"] if (row["day"], row["policy"]) == (str(LAST), IDLE))
    assert idle.cost == pytest.approx(day["cost"] + day["power_cost"])


def test_a_range_that_begins_inside_the_month_goes_on_from_the_peaks_before(answers: Answers) -> None:
    """Idle imports what the meters of the first day say here, so that its additions are those of the whole range."""
    later = ("--from", str(SPAN[1]), "--to", str(LAST))
    whole = {row["day"]: row["power_cost"] for row in answers.evaluate["days"] if row["policy"] == "idle"}
    part = answers.darkstar("evaluate", *later, "--policies", "idle,oracle")
    assert {row["day"]: row["power_cost"] for row in part["days"] if row["policy"] == "idle"} == pytest.approx(
        {str(day): whole[str(day)] for day in SPAN[1:]}
    )
    bills = {row["policy"]: row["total_cost"] for row in part["totals"]}
    compared = answers.darkstar("compare", "idle", "value", *later)
    assert compared["cost_a"] == pytest.approx(bills["idle"])
    assert bills["oracle"] - 1e-6 <= compared["cost_b"]
    own = {row["day"]: row["idle_cost"] for row in answers.darkstar("shadow", *later, "--policy", "value")["days"]}
    every = {row["day"]: row["idle_cost"] for row in answers.darkstar(
        "shadow", "--from", str(FIRST), "--to", str(LAST), "--policy", "value"
    )["days"]}  # fmt: skip
    assert own == pytest.approx({day: every[day] for day in own})
