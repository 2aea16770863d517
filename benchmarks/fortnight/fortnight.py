"""A fortnight of the service with failing sources, late prices, wrong answers and a change of the clock, twice.

Half of all answers of the sources of prices and weather are faulty, prices of some days come hours late (twice not
before the day has begun), Home Assistant is away, silent or wrong every few hours (once away for thirty hours, once
without a recorder for thirty), the service is killed every thirty-one hours. Every plan is judged by what really was so
(`judgement`). The short form has the day of each change of the clock.
"""

import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.fortnight.service_days import ServiceDays, Span, simulate
from benchmarks.harness.results import Row, Scope

MOST_MINUTES = 10.0
"""Of wall time a simulated day."""
SPRING = Span(
    date(2026, 3, 22),
    14,
    seed=1,
    late={3: 2.0, 4: 20.0, 7: 5.0, 9: 2.0, 11: 14.0},
    outages=((110.0, 30.0, "away"), (230.0, 30.0, "not recorded")),
)
AUTUMN = Span(
    date(2025, 10, 19),
    14,
    seed=2,
    late={2: 5.0, 5: 2.0, 7: 20.0, 8: 5.0, 12: 14.0},
    outages=((60.0, 30.0, "not recorded"), (200.0, 30.0, "away")),
)
SHORT_SPRING = Span(date(2026, 3, 29), 1, seed=1, late={0: 14.0}, outages=((6.0, 3.0, "away"),))
SHORT_AUTUMN = Span(date(2025, 10, 26), 1, seed=2, late={0: 14.0}, outages=((10.0, 3.0, "not recorded"),))


def run(scope: Scope) -> list[Row]:
    """Let both spans go by."""
    spans = scope.of({"spring": SPRING, "autumn": AUTUMN}, {"spring": SHORT_SPRING, "autumn": SHORT_AUTUMN})
    rows: list[Row] = []
    for name, span in spans.items():
        begun, spent = time.perf_counter(), time.process_time()
        with TemporaryDirectory(prefix="darkstar-fortnight-") as folder:
            days = simulate(Path(folder), scope.homes, span)
        minutes = (time.perf_counter() - begun) / 60 / span.days
        rows += _rows(name, span, days, minutes, (time.process_time() - spent) / span.days)
    return rows


def _rows(name: str, span: Span, days: ServiceDays, minutes: float, seconds: float) -> list[Row]:
    plans, lake = days.plans, days.lake
    aimed = {
        "slots_without_a_plan": plans.unplanned,
        "plans_on_invented_data": plans.invented,
        "slots_without_prices_and_not_told": plans.untold,
        "slots_with_prices_and_not_planned": plans.fallen,
        "commands_that_did_not_reach_the_inverter": days.unsteered,
    }
    led = sum(count for rung, count in plans.rungs.items() if rung in ("champion", "value", "mpc"))
    return [
        Row(f"{name}_days", span.days, "days"),
        Row(f"{name}_wall_time", round(minutes, 2), "min/day", f"<= {MOST_MINUTES:g}", minutes <= MOST_MINUTES),
        Row(f"{name}_processor_time", round(seconds, 1), "s/day"),
        Row(f"{name}_faults_put_in", days.faults.total()),
        Row(f"{name}_restarts", days.restarts),
        Row(f"{name}_slots", plans.slots),
        Row(f"{name}_plans", plans.plans),
        *(
            Row(f"{name}_{figure}", len(found), "", "0", not found, details={"examples": "; ".join(found[:5])})
            for figure, found in aimed.items()
        ),
        Row(f"{name}_slots_planned_on_prices", led),
        Row(f"{name}_slots_without_prices_and_told", plans.slots - led),
        Row(f"{name}_soc_not_measured_and_told", _count(plans.bases, "soc: stale", "soc: assumed")),
        Row(f"{name}_forecast_of_older_days_and_told", _count(plans.bases, "load: stale")),
        Row(f"{name}_slots_steered", days.steered),
        Row(f"{name}_slots_out_of_reach", days.out_of_reach),
        Row(f"{name}_wrong_prices_stored", lake.wrong_prices, f"of {lake.price_slots}", "0", lake.wrong_prices == 0),
        Row(f"{name}_wrong_readings_stored", lake.wrong_readings, f"of {lake.reading_slots}"),
        Row(f"{name}_slots_not_read", lake.unread),
    ]  # fmt: skip


def _count(bases: Mapping[str, int], *begins: str) -> int:
    return sum(count for name, count in bases.items() if name.startswith(begins))
