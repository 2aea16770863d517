"""What-ifs: processor time of a year and of a grid of 48 sizes, and their difference to a site that is really so.

The home is a file of readings and prices (`darkstar_pipeline.whatif.file_home`), imported and graded before the clock
starts; times are scaled from its days to 365; those of further processes count.
"""

import resource
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TypeVar

from benchmarks.harness.results import Row, Scope
from darkstar_pipeline.context import Context
from darkstar_pipeline.evaluation.range_verdict import evaluate_range
from darkstar_pipeline.whatif.changed_context import what_if
from darkstar_pipeline.whatif.changes import Changes
from darkstar_pipeline.whatif.file_home import FileHome, file_home
from darkstar_pipeline.whatif.plans import export_what_if
from darkstar_pipeline.whatif.replays import ReplayedWhatIf, replay_what_if
from darkstar_pipeline.whatif.settings_changes import changed_settings
from darkstar_pipeline.whatif.sizing import Question, SizeGrid, size_grid
from env.time_grid import day_start, days_between
from planner.whatif.house import HouseChange

YEAR_DAYS = 365
SHORT_DAYS, SHORT_CHARGED_DAYS = 30, 10
MOST_YEAR_SECONDS, MOST_GRID_SECONDS, MOST_DIFFERENCE = 10.0, 90.0, 1e-6
CAPACITIES, POWERS = (5.0, 7.5, 10.0, 12.5, 15.0, 20.0, 25.0, 30.0), (3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
EXPORT_DAYS = 20
BATTERY = {"battery.capacity_kwh": 15.0, "battery.charge_kw": 6.0}
CHARGE = {"tariff.power": [{"price_per_kw": 81.25}]}
Answer = TypeVar("Answer")


def run(scope: Scope) -> list[Row]:
    """Time a year, a year with a demand charge, a grid and export scenarios, and compare with a site that is so."""
    with tempfile.TemporaryDirectory() as folder, _home(scope, Path(folder)) as home:
        last = scope.of(home.last, _day(home, SHORT_DAYS))
        context = home.context
        state = _content(context.home)
        year, replayed = _seconds(lambda: _replay(context, BATTERY, home.first, last))
        charged_last = scope.of(home.last, _day(home, SHORT_CHARGED_DAYS))
        charged, months = _seconds(lambda: _replay(context, CHARGE, home.first, charged_last))
        sizes = (scope.of(CAPACITIES, CAPACITIES[1::4]), scope.of(POWERS, POWERS[2::3]))
        grid_seconds, grid = _seconds(lambda: _grid(context, *sizes, home.first, last))
        grid_seconds *= len(CAPACITIES) * len(POWERS) / len(grid.results)
        export_seconds, most_net = _exports(context, home)
        differences = _differences(context, replayed, grid, home.first, last)
        unchanged = _content(context.home) == state
    days = (YEAR_DAYS / len(replayed.days), YEAR_DAYS / len(months.days), YEAR_DAYS / len(grid.days))
    year, charged, grid_seconds = (
        seconds * factor for seconds, factor in zip((year, charged, grid_seconds), days, strict=True)
    )
    worst = max(differences.values())
    return [
        Row(
            "whatif_year_cpu_seconds",
            year,
            "s",
            f"<= {MOST_YEAR_SECONDS:g}",
            year <= MOST_YEAR_SECONDS,
            applies="whole",
        ),
        Row(
            "whatif_year_with_demand_charge_cpu_seconds",
            charged,
            "s",
            f"<= {MOST_YEAR_SECONDS:g}",
            charged <= MOST_YEAR_SECONDS,
            applies="whole",
        ),
        Row(
            "sizing_grid_48_cpu_seconds",
            grid_seconds,
            "s",
            f"<= {MOST_GRID_SECONDS:g}",
            grid_seconds <= MOST_GRID_SECONDS,
            applies="whole",
        ),
        Row("export_scenarios_of_a_day_cpu_seconds", export_seconds, "s"),
        Row("export_most_net_at_own_economics", most_net, "SEK", "<= 1e-6", most_net <= MOST_DIFFERENCE),
        *(Row(f"difference_{name}", difference, "SEK") for name, difference in differences.items()),
        Row("difference_to_a_site_that_is_so", worst, "SEK", f"<= {MOST_DIFFERENCE:g}", worst <= MOST_DIFFERENCE),
        Row("state_folder_unchanged", str(unchanged).lower(), "", "true", unchanged),
    ]


def _home(scope: Scope, folder: Path) -> AbstractContextManager[FileHome]:
    """Open the villa of the benchmark's homes in the area of its first pair."""
    homes = scope.homes
    name, area = homes.pairs[0]
    homes.history(name).select("slot_start", "load_kwh", "pv_kwh").write_parquet(folder / "readings.parquet")
    homes.prices(area).write_parquet(folder / "prices.parquet")
    return file_home(folder / "readings.parquet", area, prices=folder / "prices.parquet")


def _day(home: FileHome, n_days: int) -> date:
    return list(days_between(home.first, home.last))[n_days]


def _seconds(work: Callable[[], Answer]) -> tuple[float, Answer]:
    start = _processor_seconds()
    answer = work()
    return _processor_seconds() - start, answer


def _processor_seconds() -> float:
    """Return the processor time of this process and of those that it has started and that are over [s]."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _replay(context: Context, settings: Mapping[str, object], first: date, last: date) -> ReplayedWhatIf:
    """Replay `value` and idle on the site as it is and with other settings."""
    return replay_what_if(what_if(context, Changes(settings=settings)), first, last, ["value"])


def _grid(
    context: Context, capacities: tuple[float, ...], powers: tuple[float, ...], first: date, last: date
) -> SizeGrid:
    question = Question(capacities_kwh=capacities, powers_kw=powers, scaled=True)
    return size_grid(context, Changes(), question, first, last, workers=1)


def _exports(context: Context, home: FileHome) -> tuple[float, float]:
    """Return the time of the six scenarios of a day, and the most that one earns against the plan without a target."""
    days = list(days_between(home.first, home.last))[10 : 10 + EXPORT_DAYS]
    case = what_if(context, Changes())
    seconds, most = 0.0, -float("inf")
    for day in days:
        spent, (_, found) = _seconds(lambda: export_what_if(case, day_start(day, context.timezone), 4, None))  # noqa: B023 - called at once
        seconds += spent
        most = max(most, *(scenario.net for scenario in found.scenarios))
    return seconds / len(days), most


def _differences(
    context: Context, replayed: ReplayedWhatIf, grid: SizeGrid, first: date, last: date
) -> dict[str, float]:
    """Return how far what-ifs are from `darkstar evaluate` of a site that is configured so."""
    so = _configured(context, BATTERY)
    result = grid.results[-1]
    sized = _configured(
        context,
        {
            "battery.capacity_kwh": result.size.capacity_kwh,
            "battery.charge_kw": result.size.power_kw,
            "battery.discharge_kw": result.size.power_kw,
        },
    )
    twice = what_if(context, Changes(house=HouseChange(load_scale=2.0, pv_scale=2.0)))
    doubled = replay_what_if(twice, first, first, ["idle"]).comparisons[0]
    return {
        "replay": abs(_cost(so, first, last) - replayed.comparisons[0].changed.cost),
        "sizing": abs(_cost(sized, first, last) - result.figures.cost),
        "twice_the_house": abs(doubled.changed.import_kwh - 2 * doubled.site.import_kwh),
    }


def _configured(context: Context, settings: Mapping[str, object]) -> Context:
    site = changed_settings(context.site_settings, context.site_name, settings)
    sites = context.settings.model_copy(update={"sites": {context.site_name: site}})
    return replace(context, settings=sites, site_settings=site, site=site.site(context.site_name))


def _cost(context: Context, first: date, last: date) -> float:
    totals = evaluate_range(context, first, last, ["value"], references=()).evaluation.totals
    return float(totals["total_cost"][0])


def _content(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
