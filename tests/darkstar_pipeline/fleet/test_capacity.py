"""The capacity plan grows as the fleet does, and the guide's table is what it computes."""

from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkstar_pipeline.fleet.capacity import Assumptions, Measured, needs
from tests.conftest import ROOT

SIZES = (10_000, 100_000, 1_000_000)
SHOWN = {
    "buckets": "buckets of the lake",
    "backfill_core_hours": "a day's backfill [core hours]",
    "backfill_cores": "cores for it, done in four hours",
    "plan_core_hours": "a day's plans, one a slot [core hours]",
    "plan_cores": "cores for them",
    "worker_nodes": "Ray workers of four cores",
    "worker_gigabytes": "their memory [GB]",
    "service_gigabytes": "memory of the service [GB]",
    "requests_a_second": "requests for plans [1/s]",
    "service_cores": "cores for them",
    "lake_gigabytes_a_day": "the lake's growth a day [GB]",
    "lake_terabytes": "the lake after two years [TB]",
    "objects_a_day": "objects that a day adds",
    "puts_a_day": "writes to the store a day",
    "gets_a_day": "reads from it a day",
    "store_requests_a_second": "both, while the backfill runs too [1/s]",
}


def table() -> str:
    """The guide's table, in Markdown."""
    plans = [asdict(needs(homes, Measured(), Assumptions())) for homes in SIZES]
    head = ["| homes | " + " | ".join(f"{homes:,}".replace(",", " ") for homes in SIZES) + " |", "|---|---|---|---|"]
    return "\n".join(
        [*head, *(f"| {words} | {' | '.join(digits(plan[name]) for plan in plans)} |" for name, words in SHOWN.items())]
    )


def digits(value: float) -> str:
    """A number with two digits that count."""
    if value >= 100:
        step = 10 ** (len(str(round(value))) - 2)
        return f"{round(value / step) * step:,}".replace(",", " ")
    return f"{value:.2g}"


def test_guides_table_is_what_is_computed() -> None:
    guide = (ROOT / "docs" / "scaling.md").read_text()
    assert table() in guide, f"docs/scaling.md is to have this table:\n{table()}"


def test_needs_follow_from_the_costs_of_a_home() -> None:
    measured = Measured(backfill_seconds=0.01, plan_seconds=0.02, engine_share=0.0, stored_bytes=10_000.0, gets=32.0)
    usual = Assumptions(homes_a_bucket=100, plans_a_day=96, hours_of_backfill=2.0, busy=0.5, days_kept=100)
    plan = needs(720_000, measured, usual)
    assert plan.buckets == 7200
    assert plan.backfill_core_hours == pytest.approx(2.0)
    assert plan.backfill_cores == 2, "one core busy for two hours, of which half is planned for"
    assert plan.plan_core_hours == pytest.approx(384.0)
    assert plan.plan_cores == 32
    assert plan.lake_gigabytes_a_day == pytest.approx(7.2)
    assert plan.lake_terabytes == pytest.approx(0.72)
    assert plan.objects_a_day == 7200 * 12
    assert plan.puts_a_day == 7200 * (12 + 96)
    assert plan.store_requests_a_second == pytest.approx(7200 * (44 / 7200 + 68 / 900))
    dearer = needs(720_000, replace(measured, engine_share=0.5), usual)
    assert dearer.backfill_core_hours == pytest.approx(3.0)


@given(st.integers(1, 10**7), st.integers(1, 10**7))
def test_a_larger_fleet_never_needs_less(one: int, other: int) -> None:
    small, large = (asdict(needs(homes, Measured(), Assumptions())) for homes in sorted((one, other)))
    assert all(small[name] <= large[name] for name in small)
